#pragma once
#include <stdexcept>

namespace selfsame {

/** What a caller got wrong, or what the machine could not do; JavaScript sees a DeviceError with this message. */
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace selfsame
