// A library that is opened at run time. No Node in here.
#pragma once

#include <string>

namespace sledcast::os {

// Owns a loaded library; lets go of it when it goes, and what was found in it must not be called after that.
class SharedLibrary {
 public:
  SharedLibrary() noexcept = default;
  ~SharedLibrary();
  SharedLibrary(const SharedLibrary&) = delete;
  SharedLibrary& operator=(const SharedLibrary&) = delete;

  // By a file's name, which the loader looks for, or by its path. Returns nothing, or why not in the loader's words.
  std::string load(const std::string& file);

  // Whether the library has the function. Its type is the caller's word: a library tells names only.
  template <typename Function>
  bool find(const char* name, Function*& function) const noexcept {
    function = reinterpret_cast<Function*>(symbol(name));
    return function != nullptr;
  }

 private:
  void* symbol(const char* name) const noexcept;

  void* handle_ = nullptr;
};

}  // namespace sledcast::os
