#include "node/peer_credentials.h"

#include "node/arguments.h"
#include "node/refusals.h"
#include "os/peer_credentials.h"

namespace sledcast::node {

Napi::Value peerCredentials(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int fd = 0;
  if (!toDescriptor(info[0], fd)) return typeError(env, "not a descriptor");
  os::PeerCredentials found;
  const int error = os::peerCredentials(fd, found);
  if (error != 0) return Napi::Number::New(env, error);
  const Napi::Object peer = Napi::Object::New(env);
  peer.Set("uid", Napi::Number::New(env, found.uid));
  if (found.pid > 0) peer.Set("pid", Napi::Number::New(env, found.pid));
  return peer;
}

}  // namespace sledcast::node
