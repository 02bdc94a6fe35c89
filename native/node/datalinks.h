// The `Datalinks` class that JavaScript sees; `src/host/addon.ts` has its types.
#pragma once

#include <napi.h>

#include <memory>

#include "node/library_task.h"
#include "os/dladm.h"

namespace sledcast::node {

// Each call but `open` is taken up only once the library is loaded, and tells whether it was. Its answer
// has the function that spoke last, its status and the library's text for that; it is none where there was
// no memory for one: the call was made, only what came of it is lost.
class Datalinks final : public Napi::ObjectWrap<Datalinks> {
 public:
  static Napi::Function define(Napi::Env env);
  // new Datalinks(library?: string)
  explicit Datalinks(const Napi::CallbackInfo& info);

 private:
  // open(done: (why?: string) => void): void; an empty text: the library is there.
  Napi::Value open(const Napi::CallbackInfo& info);
  // create(name: string, done: (answer?: {…, id}) => void): boolean
  Napi::Value create(const Napi::CallbackInfo& info);
  // info(name: string, done: (answer?: {…, id, flags, class, media}) => void): boolean
  Napi::Value info(const Napi::CallbackInfo& info);
  // nameOf(id: number, done: (answer?: {…, id, flags, class, media, name}) => void): boolean
  Napi::Value nameOf(const Napi::CallbackInfo& info);
  // destroy(id: number, done: (answer?: {…}) => void): boolean
  Napi::Value destroy(const Napi::CallbackInfo& info);

  std::shared_ptr<LibraryState<os::Dladm>> state_;
};

}  // namespace sledcast::node
