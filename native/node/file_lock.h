// `lockFile`, as JavaScript sees it; `src/host/addon.ts` has its type.
#pragma once

#include <napi.h>

namespace sledcast::node {

// lockFile(fd: number): number, which is 0 or the errno. It never waits, so it is called as it is.
Napi::Value lockFile(const Napi::CallbackInfo& info);

}  // namespace sledcast::node
