// `peerCredentials`, as JavaScript sees it; `src/host/addon.ts` has its type.
#pragma once

#include <napi.h>

namespace sledcast::node {

// peerCredentials(fd: number): { uid: number, pid?: number } | number, which is the errno. It never waits.
Napi::Value peerCredentials(const Napi::CallbackInfo& info);

}  // namespace sledcast::node
