#pragma once
#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "error.h"

/** What every function that JavaScript calls begins with: errors of the right class, arguments of the right kind. */
namespace selfsame {

/** What one environment (the process's main thread, or a worker) holds of the addon. */
struct Environment {
  Napi::FunctionReference error;
};

/** An error of the class that `setError` was given; a plain one before. */
inline Napi::Error errorOf(Napi::Env env, const std::string& message) {
  const auto* environment = env.GetInstanceData<Environment>();
  if (environment->error.IsEmpty()) return Napi::Error::New(env, message);
  return {env, environment->error.New({Napi::String::New(env, message)})};
}

/** Runs `body`; what it throws reaches JavaScript as the class that `setError` was given. */
template <class Body>
auto guarded(Napi::Env env, const Body& body) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw errorOf(env, error.what());
  }
}

/** A number in [least, most] that is whole. */
inline uint64_t wholeArgument(const Napi::CallbackInfo& info, size_t at, const char* name, double least, double most) {
  const double value = info[at].IsNumber() ? info[at].As<Napi::Number>().DoubleValue() : -1;
  if (!(value >= least && value <= most && value == static_cast<double>(static_cast<uint64_t>(value)))) {
    throw Error(std::string("wants a whole number for ") + name);
  }
  return static_cast<uint64_t>(value);
}

/** The bytes behind a typed array or a DataView. */
inline std::pair<const std::byte*, size_t> viewOf(const Napi::Value& value) {
  if (value.IsTypedArray()) {
    const auto view = value.As<Napi::TypedArray>();
    return {static_cast<const std::byte*>(view.ArrayBuffer().Data()) + view.ByteOffset(), view.ByteLength()};
  }
  if (value.IsDataView()) {
    const auto view = value.As<Napi::DataView>();
    return {static_cast<const std::byte*>(view.Data()), view.ByteLength()};
  }
  throw Error("write: wants a typed array or a DataView");
}

}  // namespace selfsame
