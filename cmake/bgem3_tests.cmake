# Nobody waits for the tests' own loops: a third less to compile. The sanitizers' presets choose for themselves.
if(NOT BGEM3_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(BGEM3_TEST_OPTIMISATION -O1)
endif()

# Tests run side by side: threads that spin would wait for each other's processors.
set(BGEM3_TEST_THREADS "OMP_WAIT_POLICY=PASSIVE")

# What cmake_parse_arguments(ARG ...) did not know would be passed over otherwise.
macro(bgem3_refuse_unknown_arguments)
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${CMAKE_CURRENT_FUNCTION}: unknown arguments: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
endmacro()

# bgem3_unit_tests(<target> [BASE] LINK <libraries> SOURCES <names> [FILES <names>])
#
# One doctest executable of unit/test_<name>.cpp, one ctest entry unit.<name> for each, so that a failure names its area
# while the executable loads only a few times. BASE: needs no LibTorch; such tests are labelled base. FILES: those of
# SOURCES that read models or tests/data; the others know no path, so that ccache serves them in every clone.
function(bgem3_unit_tests target)
  cmake_parse_arguments(ARG "BASE" "" "LINK;SOURCES;FILES" ${ARGN})
  bgem3_refuse_unknown_arguments()
  list(TRANSFORM ARG_SOURCES PREPEND unit/test_ OUTPUT_VARIABLE files)
  list(TRANSFORM files APPEND .cpp)
  add_executable(${target} main.cpp ${files})
  bgem3_library_settings(${target})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  foreach(name IN LISTS ARG_FILES)
    set_property(SOURCE unit/test_${name}.cpp APPEND PROPERTY COMPILE_DEFINITIONS
                 BGEM3_TEST_MODELS_DIR="${BGEM3_TEST_MODELS}" BGEM3_TEST_DATA_DIR="${PROJECT_SOURCE_DIR}/tests/data")
  endforeach()
  target_link_libraries(${target} PRIVATE ${ARG_LINK} doctest::doctest Eigen3::Eigen)
  target_compile_options(${target} PRIVATE ${BGEM3_TEST_OPTIMISATION})
  set(labels unit)
  if(ARG_BASE)
    list(APPEND labels base)
  endif()
  foreach(name IN LISTS ARG_SOURCES)
    add_test(NAME unit.${name} COMMAND ${target} --source-file=*test_${name}.cpp --no-skipped-summary=false --duration=true)
    set_tests_properties(unit.${name} PROPERTIES LABELS "${labels}" TIMEOUT 300
                                               ENVIRONMENT "${BGEM3_TEST_THREADS};${BGEM3_TEST_ENVIRONMENT}")
  endforeach()
endfunction()

# bgem3_pytest(<name> LABEL <label> [FILES <files, or options of pytest>] [SLOW | ONLY_SLOW] [SERIAL [WORKERS <n>]]
#              [COST <seconds>] [PYTHON <another>] [FIXTURES <of ctest>])
#
# One pytest process for all files, as imports and references take seconds; ctest keeps the processors busy with several
# of them. COST: what takes longer begins earlier. SERIAL: with nothing beside it, because time or memory is measured; by
# WORKERS processes if it mostly waits. SLOW: what is marked slow in the files gets an entry of its own, <name>.slow, which
# the default run leaves out. ONLY_SLOW: it leaves out all.
function(bgem3_pytest name)
  cmake_parse_arguments(ARG "SLOW;ONLY_SLOW;SERIAL" "LABEL;PYTHON;WORKERS;COST" "FILES;FIXTURES" ${ARGN})
  bgem3_refuse_unknown_arguments()
  if(ARG_ONLY_SLOW)
    bgem3_pytest_entry(${name} "not slow" "${ARG_LABEL};slow" 1800)
  else()
    bgem3_pytest_entry(${name} "not slow" "${ARG_LABEL}" 900)
  endif()
  if(ARG_SLOW)
    bgem3_pytest_entry(${name}.slow "slow" "${ARG_LABEL};slow" 3600)
  endif()
endfunction()

# bgem3_pytest_entry(<name> <marks> <labels> <timeout>): reads the arguments of bgem3_pytest.
macro(bgem3_pytest_entry entry marks labels timeout)
  set(python ${Python3_EXECUTABLE})
  if(ARG_PYTHON)
    set(python ${ARG_PYTHON})
  endif()
  set(workers)
  if(ARG_WORKERS)
    set(workers -n ${ARG_WORKERS})
  endif()
  # What each test took is left beside the build, for the summary of scripts/test.
  add_test(NAME ${entry}
           COMMAND ${python} -m pytest -q -rs -p no:cacheprovider -m ${marks} ${workers}
                   --junitxml=${PROJECT_BINARY_DIR}/pytest/${entry}.xml ${ARG_FILES}
           WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  set(environment ${BGEM3_TEST_THREADS} "BGEM3_CLI=$<TARGET_FILE:bgem3_cli>" "BGEM3_LIBRARY=$<TARGET_FILE:bgem3>"
                                         "BGEM3_TEST_MODELS=${BGEM3_TEST_MODELS}" ${BGEM3_TEST_ENVIRONMENT})
  if(TARGET bgem3_dump_layers)
    list(APPEND environment "BGEM3_DUMP_LAYERS=$<TARGET_FILE:bgem3_dump_layers>")
  endif()
  if(TARGET bgem3_stub_server)
    list(APPEND environment "BGEM3_SERVER=$<TARGET_FILE:bgem3_server>"
                            "BGEM3_STUB_SERVER=$<TARGET_FILE:bgem3_stub_server>")
  endif()
  set_tests_properties(${entry} PROPERTIES LABELS "${labels}" TIMEOUT ${timeout} ENVIRONMENT "${environment}"
                                           FIXTURES_REQUIRED "${ARG_FIXTURES}" RUN_SERIAL ${ARG_SERIAL})
  if(ARG_COST)
    set_tests_properties(${entry} PROPERTIES COST ${ARG_COST})
  endif()
endmacro()

set(BGEM3_TEST_ENVIRONMENTS ${PROJECT_BINARY_DIR} CACHE PATH "Where tests make their virtual environments")

# bgem3_test_environment(<fixture> <requirements> <label>): a virtual environment beside the build for tests whose
# packages do not fit with the others' pins; its Python goes to bgem3_<fixture>_python in the caller's scope.
function(bgem3_test_environment fixture requirements label)
  set(directory ${BGEM3_TEST_ENVIRONMENTS}/${fixture})
  add_test(NAME ${fixture}.environment
           COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/scripts/lib/extra_environment.py ${directory}
                   ${requirements})
  set_tests_properties(${fixture}.environment PROPERTIES LABELS "${label}" TIMEOUT 900 FIXTURES_SETUP ${fixture})
  set(bgem3_${fixture}_python ${directory}/bin/python PARENT_SCOPE)
endfunction()
