// Loading a library in the thread pool: it reads files, and a library may do as it likes when it comes.
#pragma once

#include <napi.h>

#include <memory>
#include <new>
#include <string>
#include <utility>

#include "node/tell.h"

namespace sledcast::node {

// A library that is opened at run time, with what is done with it. It belongs to the JavaScript object
// and to every task under way, so a collected object does not take the library from under a call.
template <typename Library>
struct LibraryState {
  explicit LibraryState(std::string file) : library(std::move(file)) {}

  Library library;
  // Set and read on the environment's own thread.
  bool loaded = false;
};

// Loads the library, then `done(why)`: an empty text where it is there, none where there was no memory for one.
template <typename Library>
class LibraryTask final : public Napi::AsyncWorker {
 public:
  LibraryTask(const Napi::Function& done, std::shared_ptr<LibraryState<Library>> state)
      : AsyncWorker(done, "sledcast.library"), state_(std::move(state)) {}

 private:
  void Execute() override {
    try {
      why_ = state_->library.load();
      known_ = true;
    } catch (const std::bad_alloc&) {
      known_ = false;
    }
  }

  void OnOK() override {
    if (known_ && why_.empty()) state_->loaded = true;
    napi_value why = nullptr;
    if (known_ && napi_create_string_utf8(Env(), why_.data(), why_.size(), &why) != napi_ok) why = nullptr;
    tell(Env(), Callback(), why);
  }

  std::shared_ptr<LibraryState<Library>> state_;
  std::string why_;
  bool known_ = false;
};

}  // namespace sledcast::node
