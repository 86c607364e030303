#include "host/scouting/control/controller.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strobe::scouting {
namespace {

constexpr std::array kCommands = {Command::kConfigure, Command::kStart, Command::kPause,
                                  Command::kResume,    Command::kStop,  Command::kReset};

/// Where a command leads from a state; empty where it is not allowed.
std::optional<State> next_state(State from, Command command) {
  switch (command) {
    case Command::kConfigure:
      return from == State::kIdle || from == State::kConfigured ? std::optional(State::kConfigured) : std::nullopt;
    case Command::kStart:
      return from == State::kConfigured ? std::optional(State::kRunning) : std::nullopt;
    case Command::kPause:
      return from == State::kRunning ? std::optional(State::kPaused) : std::nullopt;
    case Command::kResume:
      return from == State::kPaused ? std::optional(State::kRunning) : std::nullopt;
    case Command::kStop:
      return from == State::kRunning || from == State::kPaused ? std::optional(State::kConfigured) : std::nullopt;
    case Command::kReset:
      return State::kIdle;
  }
  return std::nullopt;
}

bool runs(State state) { return state == State::kRunning || state == State::kPaused; }

}  // namespace

std::string_view name_of(State state) {
  constexpr std::array<std::string_view, 5> kNames = {"idle", "configured", "running", "paused", "error"};
  return kNames[static_cast<size_t>(state)];
}

std::string_view name_of(Command command) {
  constexpr std::array<std::string_view, 6> kNames = {"configure", "start", "pause", "resume", "stop", "reset"};
  return kNames[static_cast<size_t>(command)];
}

std::optional<Command> find_command(std::string_view name) {
  for (const Command command : kCommands) {
    if (name_of(command) == name) return command;
  }
  return std::nullopt;
}

Controller::Controller(Build build, Finished finished)
    : build_(std::move(build)), finished_(std::move(finished)), thread_([this] { work(); }) {}

Controller::~Controller() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

absl::Status Controller::submit(Command command, uint32_t run) {
  const std::lock_guard lock(mutex_);
  const auto next = next_state(expected_, command);
  if (!next) {
    return absl::FailedPreconditionError(
        absl::StrCat("'", std::string(name_of(command)), "' is not possible while ", std::string(name_of(expected_))));
  }
  expected_ = *next;
  orders_.push_back({command, run});
  changed_.notify_all();
  return absl::OkStatus();
}

State Controller::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::shared_ptr<Pipeline> Controller::pipeline() const {
  const std::lock_guard lock(mutex_);
  return pipeline_;
}

Account Controller::account() const {
  std::shared_ptr<Pipeline> running;
  Account account;
  uint32_t run = 0;
  {
    const std::lock_guard lock(mutex_);
    if (runs(state_)) running = pipeline_;
    account = last_account_;
    run = run_;
    account.error = std::string(last_.message());
  }
  if (running != nullptr) account = running->account();
  account.state = std::string(name_of(state()));
  account.run = run;
  return account;
}

absl::Status Controller::settle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return orders_.empty() && !carrying_out_; });
  return last_;
}

void Controller::wait_until_rest() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return orders_.empty() && !carrying_out_ && !runs(state_); });
}

void Controller::enter(State state, const absl::Status& status) {
  const std::lock_guard lock(mutex_);
  state_ = state;
  last_ = status;
  if (orders_.empty()) expected_ = state;
  changed_.notify_all();
}

void Controller::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closing_ || ended_ || !orders_.empty(); });
    if (ended_) {
      lock.unlock();
      end_run();
      lock.lock();
      continue;
    }
    if (closing_) break;
    const Order order = orders_.front();
    orders_.pop_front();
    carrying_out_ = true;
    lock.unlock();
    const absl::Status status = carry_out(order);
    lock.lock();
    carrying_out_ = false;
    last_ = status;
    if (!status.ok()) {
      orders_.clear();
      expected_ = state_;
    }
    changed_.notify_all();
  }
  const bool running = runs(state_);
  lock.unlock();
  if (running) pipeline()->stop();
  if (watcher_.joinable()) end_run();
}

absl::Status Controller::carry_out(const Order& order) {
  const State now = state();
  if (!next_state(now, order.command)) {
    return absl::FailedPreconditionError(
        absl::StrCat("'", std::string(name_of(order.command)), "' came while ", std::string(name_of(now))));
  }
  switch (order.command) {
    case Command::kConfigure:
      return configure(order.run);
    case Command::kStart:
      return start(order.run);
    case Command::kPause:
    case Command::kResume:
      pipeline()->pause(order.command == Command::kPause);
      enter(order.command == Command::kPause ? State::kPaused : State::kRunning);
      return absl::OkStatus();
    case Command::kStop:
      pipeline()->stop();
      end_run();
      return last_;
    case Command::kReset:
      if (runs(now)) {
        pipeline()->stop();
        end_run();
      }
      {
        const std::lock_guard lock(mutex_);
        pipeline_.reset();
      }
      enter(State::kIdle);
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status Controller::configure(uint32_t run) {
  {
    const std::lock_guard lock(mutex_);
    pipeline_.reset();  // it may hold the port that the new one wants
  }
  uint32_t chosen_run = 0;
  auto built = build_(run, chosen_run);
  if (!built.ok()) {
    enter(State::kError, built.status());
    return built.status();
  }
  const std::lock_guard lock(mutex_);
  pipeline_ = *std::move(built);
  run_ = chosen_run;
  state_ = State::kConfigured;
  return absl::OkStatus();
}

absl::Status Controller::start(uint32_t run) {
  if (pipeline() == nullptr || (run != 0 && run != run_)) {
    if (absl::Status s = configure(run); !s.ok()) return s;
  }
  const std::shared_ptr<Pipeline> pipeline = this->pipeline();
  pipeline->start();
  enter(State::kRunning);
  watcher_ = std::thread([this, pipeline] {
    const absl::Status status = pipeline->wait();
    const std::lock_guard lock(mutex_);
    run_status_ = status;
    ended_ = true;
    changed_.notify_all();
  });
  return absl::OkStatus();
}

/// Waits for the run's end, reports it and leaves the running state.
void Controller::end_run() {
  watcher_.join();
  Account account = pipeline()->account();
  account.state = "finished";
  absl::Status status;
  {
    const std::lock_guard lock(mutex_);
    ended_ = false;
    status = run_status_;
    account.run = run_;
    account.error = std::string(status.message());
    last_account_ = account;
    pipeline_.reset();
  }
  finished_(account, status);
  enter(status.ok() ? State::kConfigured : State::kError, status);
}

}  // namespace strobe::scouting
