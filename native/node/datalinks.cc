#include "node/datalinks.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <new>
#include <string>
#include <utility>

#include "node/arguments.h"
#include "node/refusals.h"
#include "node/tell.h"

namespace sledcast::node {

namespace {

constexpr const char* NO_MEMORY = "no memory for a call of libdladm";

using State = std::shared_ptr<LibraryState<os::Dladm>>;

// An object in the making; what failed is told at the end.
class Answer {
 public:
  explicit Answer(napi_env env) : env_(env), good_(napi_create_object(env, &object_) == napi_ok) {}

  void number(const char* key, double value) {
    napi_value made = nullptr;
    good_ = good_ && napi_create_double(env_, value, &made) == napi_ok;
    set(key, made);
  }

  void text(const char* key, const char* value) {
    napi_value made = nullptr;
    good_ = good_ && napi_create_string_utf8(env_, value, NAPI_AUTO_LENGTH, &made) == napi_ok;
    set(key, made);
  }

  // Null where it could not be made.
  napi_value get() const { return good_ ? object_ : nullptr; }

 private:
  void set(const char* key, napi_value value) {
    good_ = good_ && napi_set_named_property(env_, object_, key, value) == napi_ok;
  }

  napi_env env_;
  napi_value object_ = nullptr;
  bool good_;
};

class CallTask : public Napi::AsyncWorker {
 protected:
  CallTask(const Napi::Function& done, State state) : AsyncWorker(done, "sledcast.datalinks"), state_(std::move(state)) {}

  os::Dladm& dladm() { return state_->library; }
  // What the call adds to what all answers have; asked for a good one only.
  virtual void add(Answer& answer) const = 0;

  os::DladmAnswer answer_;

 private:
  void OnOK() final {
    Answer made(Env());
    made.text("function", answer_.function);
    made.number("status", answer_.status);
    made.text("text", answer_.text.data());
    if (answer_.status == os::DLADM_OK) add(made);
    tell(Env(), Callback(), made.get());
  }

  State state_;
};

class CreateTask final : public CallTask {
 public:
  CreateTask(const Napi::Function& done, State state, std::string name)
      : CallTask(done, std::move(state)), name_(std::move(name)) {}

 private:
  void Execute() override { answer_ = dladm().create(name_, id_); }
  void add(Answer& answer) const override { answer.number("id", id_); }

  const std::string name_;
  os::DatalinkId id_ = os::NO_LINK_ID;
};

void addLink(Answer& answer, const os::Datalink& link) {
  answer.number("id", link.id);
  answer.number("flags", link.flags);
  answer.number("class", link.linkClass);
  answer.number("media", link.media);
}

class InfoTask final : public CallTask {
 public:
  InfoTask(const Napi::Function& done, State state, std::string name)
      : CallTask(done, std::move(state)), name_(std::move(name)) {}

 private:
  void Execute() override { answer_ = dladm().find(name_, link_); }
  void add(Answer& answer) const override { addLink(answer, link_); }

  const std::string name_;
  os::Datalink link_;
};

class NameTask final : public CallTask {
 public:
  NameTask(const Napi::Function& done, State state, os::DatalinkId id) : CallTask(done, std::move(state)), id_(id) {}

 private:
  void Execute() override {
    answer_ = dladm().find(id_, link_, name_);
    name_.back() = '\0';
  }
  void add(Answer& answer) const override {
    addLink(answer, link_);
    answer.text("name", name_.data());
  }

  const os::DatalinkId id_;
  os::Datalink link_;
  std::array<char, os::LINK_NAME_BYTES> name_{};
};

class DestroyTask final : public CallTask {
 public:
  DestroyTask(const Napi::Function& done, State state, os::DatalinkId id)
      : CallTask(done, std::move(state)), id_(id) {}

 private:
  void Execute() override { answer_ = dladm().destroy(id_); }
  void add(Answer&) const override {}

  const os::DatalinkId id_;
};

bool toId(const Napi::Value& value, os::DatalinkId& id) {
  if (!value.IsNumber()) return false;
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= 0 && number <= UINT32_MAX && std::trunc(number) == number)) return false;
  id = static_cast<os::DatalinkId>(number);
  return true;
}

template <typename Task, typename Argument>
Napi::Value start(const Napi::CallbackInfo& info, const State& state, Argument argument) {
  if (!state->loaded) return Napi::Boolean::New(info.Env(), false);
  // A worker owns itself from here on: it is gone after its callback.
  (new Task(info[1].As<Napi::Function>(), state, std::move(argument)))->Queue();
  return Napi::Boolean::New(info.Env(), true);
}

template <typename Task>
Napi::Value startByName(const Napi::CallbackInfo& info, const State& state, const char* wrong) {
  try {
    std::string name;
    if (!toText(info[0], name) || !info[1].IsFunction()) return typeError(info.Env(), wrong);
    return start<Task>(info, state, std::move(name));
  } catch (const std::bad_alloc&) {
    return noMemory(info.Env(), NO_MEMORY);
  }
}

template <typename Task>
Napi::Value startById(const Napi::CallbackInfo& info, const State& state, const char* wrong) {
  os::DatalinkId id = os::NO_LINK_ID;
  if (!toId(info[0], id) || !info[1].IsFunction()) return typeError(info.Env(), wrong);
  try {
    return start<Task>(info, state, id);
  } catch (const std::bad_alloc&) {
    return noMemory(info.Env(), NO_MEMORY);
  }
}

}  // namespace

Napi::Function Datalinks::define(Napi::Env env) {
  return DefineClass(env, "Datalinks",
                     {InstanceMethod<&Datalinks::open>("open"), InstanceMethod<&Datalinks::create>("create"),
                      InstanceMethod<&Datalinks::info>("info"), InstanceMethod<&Datalinks::nameOf>("nameOf"),
                      InstanceMethod<&Datalinks::destroy>("destroy")});
}

Datalinks::Datalinks(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Datalinks>(info) {
  try {
    std::string library = os::LIBDLADM;
    if (!info[0].IsUndefined() && !toText(info[0], library)) {
      typeError(info.Env(), "a library's name must be a string without a NUL");
      return;
    }
    state_ = std::make_shared<LibraryState<os::Dladm>>(std::move(library));
  } catch (const std::bad_alloc&) {
    noMemory(info.Env(), NO_MEMORY);
  }
}

Napi::Value Datalinks::open(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) return typeError(info.Env(), "open takes a function");
  try {
    (new LibraryTask<os::Dladm>(info[0].As<Napi::Function>(), state_))->Queue();
  } catch (const std::bad_alloc&) {
    return noMemory(info.Env(), NO_MEMORY);
  }
  return info.Env().Undefined();
}

Napi::Value Datalinks::create(const Napi::CallbackInfo& info) {
  return startByName<CreateTask>(info, state_, "create takes a name without a NUL and a function");
}

Napi::Value Datalinks::info(const Napi::CallbackInfo& info) {
  return startByName<InfoTask>(info, state_, "info takes a name without a NUL and a function");
}

Napi::Value Datalinks::nameOf(const Napi::CallbackInfo& info) {
  return startById<NameTask>(info, state_, "nameOf takes a datalink id and a function");
}

Napi::Value Datalinks::destroy(const Napi::CallbackInfo& info) {
  return startById<DestroyTask>(info, state_, "destroy takes a datalink id and a function");
}

}  // namespace sledcast::node
