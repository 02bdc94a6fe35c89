// The addon's door. It keeps nothing outside the objects it makes, so every environment (each
// worker thread has one) may load it.
#include <napi.h>

#include "node/device.h"

namespace {

Napi::Object start(Napi::Env env, Napi::Object exports) {
  exports.Set("Device", sledcast::node::Device::define(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(sledcast, start)
