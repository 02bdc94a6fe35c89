// The addon's door. It keeps nothing outside the objects it makes, so every environment (each
// worker thread has one) may load it.
#include <napi.h>

#include "node/datalinks.h"
#include "node/device.h"
#include "node/file_lock.h"
#include "node/interfaces.h"
#include "node/kstats.h"
#include "node/link_watch.h"
#include "node/memberships.h"
#include "node/peer_credentials.h"

namespace {

Napi::Object start(Napi::Env env, Napi::Object exports) {
  exports.Set("Device", sledcast::node::Device::define(env));
  exports.Set("Memberships", sledcast::node::Memberships::define(env));
  exports.Set("Datalinks", sledcast::node::Datalinks::define(env));
  exports.Set("Kstats", sledcast::node::Kstats::define(env));
  exports.Set("LinkWatch", sledcast::node::LinkWatch::define(env));
  exports.Set("interfaceIndexes", Napi::Function::New<sledcast::node::interfaceIndexes>(env, "interfaceIndexes"));
  exports.Set("lockFile", Napi::Function::New<sledcast::node::lockFile>(env, "lockFile"));
  exports.Set("peerCredentials", Napi::Function::New<sledcast::node::peerCredentials>(env, "peerCredentials"));
  return exports;
}

}  // namespace

NODE_API_MODULE(sledcast, start)
