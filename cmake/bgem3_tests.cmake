# Where scripts/models/make.py puts the models that tests read.
set(BGEM3_TEST_MODELS ${PROJECT_SOURCE_DIR}/models CACHE PATH "Models made for the tests")

# Tests run side by side: threads that spin would wait for each other's processors.
set(BGEM3_TEST_THREADS "OMP_WAIT_POLICY=PASSIVE")

# bgem3_unit_tests(<target> LINK <libraries> SOURCES <names>): one doctest executable of unit/test_<name>.cpp, one
# ctest entry unit.<name> for each, so that a failure names its area while the executable loads only a few times.
function(bgem3_unit_tests target)
  cmake_parse_arguments(ARG "" "" "LINK;SOURCES" ${ARGN})
  list(TRANSFORM ARG_SOURCES PREPEND unit/test_ OUTPUT_VARIABLE files)
  list(TRANSFORM files APPEND .cpp)
  add_executable(${target} main.cpp ${files})
  bgem3_library_settings(${target})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${target} PRIVATE BGEM3_TEST_MODELS_DIR="${BGEM3_TEST_MODELS}"
                                               BGEM3_TEST_DATA_DIR="${PROJECT_SOURCE_DIR}/tests/data")
  target_link_libraries(${target} PRIVATE ${ARG_LINK} doctest::doctest)
  foreach(name IN LISTS ARG_SOURCES)
    add_test(NAME unit.${name} COMMAND ${target} --source-file=*test_${name}.cpp --no-skipped-summary=false)
    set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 300
                                               ENVIRONMENT "${BGEM3_TEST_THREADS};${BGEM3_TEST_ENVIRONMENT}")
  endforeach()
endfunction()

# bgem3_pytest(<name> FILE <file> LABELS <labels> [TIMEOUT <seconds>] [PYTHON <another>] [ARGS <pytest arguments>])
function(bgem3_pytest name)
  cmake_parse_arguments(ARG "" "FILE;TIMEOUT;PYTHON" "LABELS;ARGS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 900)
  endif()
  if(NOT ARG_PYTHON)
    set(ARG_PYTHON ${Python3_EXECUTABLE})
  endif()
  add_test(NAME ${name}
           COMMAND ${ARG_PYTHON} -m pytest -q -rs -p no:cacheprovider ${ARG_ARGS} ${ARG_FILE}
           WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  set(environment ${BGEM3_TEST_THREADS} "BGEM3_CLI=$<TARGET_FILE:bgem3_cli>" "BGEM3_TEST_MODELS=${BGEM3_TEST_MODELS}")
  if(TARGET bgem3_dump_layers)
    list(APPEND environment "BGEM3_DUMP_LAYERS=$<TARGET_FILE:bgem3_dump_layers>")
  endif()
  if(TARGET bgem3_stub_server)
    list(APPEND environment "BGEM3_SERVER=$<TARGET_FILE:bgem3_server>"
                            "BGEM3_STUB_SERVER=$<TARGET_FILE:bgem3_stub_server>")
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT "${environment}")
endfunction()
