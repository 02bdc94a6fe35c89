#include "os/shared_library.h"

#include <dlfcn.h>

namespace sledcast::os {

SharedLibrary::~SharedLibrary() {
  if (handle_ != nullptr) static_cast<void>(::dlclose(handle_));
}

std::string SharedLibrary::load(const std::string& file) {
  if (handle_ != nullptr) return {};
  // All it needs is bound here: a call that met a missing symbol later would end the process.
  handle_ = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_ != nullptr) return {};
  const char* why = ::dlerror();
  return why == nullptr ? "the loader does not say why" : why;
}

void* SharedLibrary::symbol(const char* name) const noexcept {
  return handle_ == nullptr ? nullptr : ::dlsym(handle_, name);
}

}  // namespace sledcast::os
