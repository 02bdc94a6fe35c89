// `interfaceIndexes`, as JavaScript sees it; `src/host/napi-network.ts` has its type.
#pragma once

#include <napi.h>

namespace sledcast::node {

// interfaceIndexes(names: string[], done: (indexes?: ArrayBuffer) => void): void
Napi::Value interfaceIndexes(const Napi::CallbackInfo& info);

}  // namespace sledcast::node
