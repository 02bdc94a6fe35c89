#include "node/arguments.h"

namespace sledcast::node {

bool toText(const Napi::Value& value, std::string& text) {
  if (!value.IsString()) return false;
  text = value.As<Napi::String>().Utf8Value();
  return text.find('\0') == std::string::npos;
}

}  // namespace sledcast::node
