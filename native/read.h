#pragma once
#include <napi.h>

#include "launch.h"

namespace selfsame {

/** Reads and checks a launch. @throws Error */
Command read(Napi::Value launch, const Memories& memories, const Settings& settings);

}  // namespace selfsame
