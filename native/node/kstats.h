// The `Kstats` class that JavaScript sees; `src/host/addon.ts` has its types.
#pragma once

#include <napi.h>

#include <memory>

#include "node/library_task.h"
#include "os/kstats.h"

namespace sledcast::node {

class Kstats final : public Napi::ObjectWrap<Kstats> {
 public:
  static Napi::Function define(Napi::Env env);
  // new Kstats(library?: string)
  explicit Kstats(const Napi::CallbackInfo& info);

 private:
  // open(done: (why?: string) => void): void; an empty text: the library is there.
  Napi::Value open(const Napi::CallbackInfo& info);
  // read(module: string, done: (answer?: ArrayBuffer | number) => void): boolean; false: the library is not
  // loaded. The answer is the records of `os/kstats.h`, an errno, or none where there was no memory for one.
  Napi::Value read(const Napi::CallbackInfo& info);

  std::shared_ptr<LibraryState<os::Kstats>> state_;
};

}  // namespace sledcast::node
