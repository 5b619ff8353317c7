#include "controller/policy/tally.h"

#include <algorithm>
#include <deque>
#include <set>
#include <unordered_map>
#include <utility>

#include "controller/base/assert.h"
#include "controller/policy/state.h"

namespace plumb::policy {
namespace {

using Stage = AuditRecord::Stage;

bool is_of_an_operation(Stage stage) {
  switch (stage) {
    case Stage::intent:
    case Stage::done:
    case Stage::failed:
    case Stage::unknown:
    case Stage::settled: return true;
    case Stage::denied:
    case Stage::held:
    case Stage::approval:
    case Stage::note: return false;
  }
  return false;
}

// How an operation counts by its latest record. A settled one says what it did if it was made.
enum class Standing { nothing, open, made };
Standing standing_of(const AuditRecord& record) {
  switch (record.stage) {
    case Stage::intent:
    case Stage::unknown: return Standing::open;
    case Stage::done: return Standing::made;
    case Stage::settled: return record.actions.empty() ? Standing::nothing : Standing::made;
    case Stage::failed:
    case Stage::denied:
    case Stage::held:
    case Stage::approval:
    case Stage::note: return Standing::nothing;
  }
  return Standing::nothing;
}

// The running sum of one policy's window.
struct Running {
  struct Entry {
    SystemTime at;
    std::uint64_t operation, entered, weight;
  };
  const Match* match;
  const Limit* limit;
  std::deque<Entry> entries;  // by time; some of operations that count in another way by now
  std::uint64_t sum = 0;
  SystemTime left_until = SystemTime::min();  // when the latest that has left the window was made
};

}  // namespace

struct Tally::State {
  // What is known of an operation. Its weights are for each policy that looks back, in their order.
  struct Operation {
    Standing standing = Standing::nothing;
    SystemTime at{};
    std::string name;
    std::uint64_t number = 0, entered = 0;
    std::vector<std::uint64_t> weights;
    // While it is open.
    std::string target;
    ResourceKey key;
    std::vector<Action> actions;
  };
  struct Forgetting {
    SystemTime at;
    std::uint64_t number, entered;
  };

  std::vector<std::optional<std::size_t>> running_of;  // of policies, by number
  std::vector<Running> running;
  Duration longest{};
  std::unordered_map<std::string, std::uint64_t> numbers;  // of operations by name
  std::unordered_map<std::uint64_t, Operation> operations;
  std::set<std::uint64_t> open;
  std::deque<Forgetting> aging;  // by time
  SystemTime forgotten_until = SystemTime::min();
  std::uint64_t next = 1, entries = 0;
  SystemTime now = SystemTime::min() + std::chrono::hours(24) * 36'525;  // windows are shorter than that

  void withdraw(Operation& operation);
  void enter(Operation& operation);
  void forget(std::uint64_t number);
};

namespace {

// Records come in order of time but where the clock was set back.
template <class Entry>
void insert(std::deque<Entry>& entries, Entry entry) {
  auto where = entries.end();
  while (where != entries.begin() && std::prev(where)->at > entry.at) --where;
  entries.insert(where, std::move(entry));
}

}  // namespace

void Tally::State::withdraw(Operation& operation) {
  if (operation.standing == Standing::open) open.erase(operation.number);
  if (operation.standing == Standing::made)
    for (std::size_t i = 0; i < running.size(); ++i) {
      Running& each = running[i];
      // What has left the window was taken off then.
      if (operation.at > now - each.limit->window) each.sum -= operation.weights[i];
    }
  operation.standing = Standing::nothing;
}

void Tally::State::enter(Operation& operation) {
  operation.entered = ++entries;
  insert(aging, Forgetting{operation.at, operation.number, operation.entered});
  if (operation.standing == Standing::open) open.insert(operation.number);
  if (operation.standing != Standing::made) return;
  for (std::size_t i = 0; i < running.size(); ++i) {
    Running& each = running[i];
    if (operation.weights[i] == 0) continue;
    if (operation.at <= now - each.limit->window) {
      each.left_until = std::max(each.left_until, operation.at);
      continue;
    }
    each.sum += operation.weights[i];
    insert(each.entries, Running::Entry{operation.at, operation.number, operation.entered, operation.weights[i]});
  }
}

void Tally::State::forget(std::uint64_t number) {
  const auto found = operations.find(number);
  if (found == operations.end()) return;
  open.erase(number);
  numbers.erase(found->second.name);
  operations.erase(found);
}

Tally::Tally(std::span<const Policy> policies) : state_(new State) {
  for (const Policy& each : policies) {
    const Policy::State& policy = each.state();
    const bool looks_back = policy.limit && policy.limit->per != Limit::Per::plan;
    state_->running_of.push_back(looks_back ? std::optional(state_->running.size()) : std::nullopt);
    if (looks_back) state_->running.push_back({&policy.match, &*policy.limit, {}, 0});
  }
  state_->longest = longest_window(policies);
}

Tally::~Tally() = default;
Tally::Tally(Tally&&) noexcept = default;
Tally& Tally::operator=(Tally&&) noexcept = default;

void Tally::take(const AuditRecord& record) {
  State& state = *state_;
  if (state.running.empty() || record.operation.empty() || !is_of_an_operation(record.stage)) return;
  const auto [number, fresh] = state.numbers.try_emplace(record.operation, state.next);
  if (fresh) ++state.next;
  State::Operation& operation = state.operations[number->second];
  state.withdraw(operation);
  operation.name = record.operation;
  operation.number = number->second;
  operation.standing = standing_of(record);
  operation.at = record.at;
  // A closing record need not say again what was done.
  if (!record.actions.empty() || operation.weights.empty()) {
    operation.target = record.target;
    operation.key = record.key;
    operation.actions = record.actions;
    const Subject subject{record.target, record.key, record.actions, record.handle, record.handle_after, record.fields};
    operation.weights.clear();
    for (const Running& each : state.running)
      operation.weights.push_back(matches(*each.match, subject) ? weight(*each.match, *each.limit, subject) : 0);
  }
  state.enter(operation);
}

void Tally::move_to(SystemTime now) {
  State& state = *state_;
  state.now = now;
  for (std::size_t i = 0; i < state.running.size(); ++i) {
    Running& each = state.running[i];
    for (; !each.entries.empty() && each.entries.front().at <= now - each.limit->window; each.entries.pop_front()) {
      const Running::Entry& entry = each.entries.front();
      const auto operation = state.operations.find(entry.operation);
      each.left_until = std::max(each.left_until, entry.at);
      // Not if a later record of the operation has taken it off, or entered it anew.
      if (operation != state.operations.end() && operation->second.standing == Standing::made &&
          operation->second.entered == entry.entered)
        each.sum -= entry.weight;
    }
  }
  for (; !state.aging.empty() && state.aging.front().at <= now - state.longest; state.aging.pop_front()) {
    const auto operation = state.operations.find(state.aging.front().number);
    if (operation == state.operations.end() || operation->second.entered != state.aging.front().entered) continue;
    state.forgotten_until = std::max(state.forgotten_until, operation->second.at);
    state.forget(operation->first);
  }
}

bool Tally::went_back(SystemTime now) const {
  const State& state = *state_;
  if (now >= state.now) return false;
  return state.forgotten_until > now - state.longest ||
         std::any_of(state.running.begin(), state.running.end(),
                     [&](const Running& each) { return each.left_until > now - each.limit->window; });
}

std::uint64_t Tally::count(std::size_t number, const Plan& plan) const {
  const State& state = *state_;
  const auto running = state.running_of.at(number);
  PLUMB_ASSERT(running.has_value());
  std::uint64_t total = state.running[*running].sum;
  if (state.open.empty()) return total;
  std::set<std::pair<ResourceKey, std::vector<Action>>> planned;
  for (const auto& level : plan.levels)
    for (const Change& change : level) planned.emplace(change.key, change.actions);
  for (const std::uint64_t each : state.open) {
    const State::Operation& operation = state.operations.at(each);
    const bool again = operation.target == plan.target && planned.contains({operation.key, operation.actions});
    if (!again && operation.at > state.now - state.running[*running].limit->window)
      total += operation.weights[*running];
  }
  return total;
}

}  // namespace plumb::policy
