#include "bgem3/error.h"

#include "bgem3/detail/message.h"

namespace bgem3 {

Error::Error(ErrorCode code, const std::string& message)
    : std::runtime_error(detail::printable_message(message)), code_(code) {}

}  // namespace bgem3
