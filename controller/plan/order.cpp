#include "controller/plan/order.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "controller/base/assert.h"
#include "controller/base/digest.h"
#include "controller/model/json.h"

namespace plumb::plan {
namespace {

// Who waits for whom, as one array of successors.
struct Graph {
  std::vector<std::size_t> start, successor, waits_for;  // waits_for: number of predecessors

  Graph(std::size_t size, std::span<const Edge> edges) : start(size + 1, 0), waits_for(size, 0) {
    for (const auto& [first, second] : edges) {
      PLUMB_ASSERT(first < size && second < size);
      if (first != second) ++start[first + 1], ++waits_for[second];
    }
    for (std::size_t i = 0; i < size; ++i) start[i + 1] += start[i];
    successor.resize(start[size]);
    std::vector<std::size_t> next(start.begin(), start.end() - 1);
    for (const auto& [first, second] : edges)
      if (first != second) successor[next[first]++] = second;
  }
  std::span<const std::size_t> after(std::size_t node) const {
    return std::span(successor).subspan(start[node], start[node + 1] - start[node]);
  }
};

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

// Tarjan's strongly connected components of the nodes that are not `done`, without recursion:
// a plan may be a chain of 100,000 changes.
class Components {
 public:
  Components(const Graph& graph, const std::vector<bool>& done)
      : graph_(graph), done_(done), index_(done.size(), kNone), low_(done.size(), 0), on_stack_(done.size(), false) {
    for (std::size_t node = 0; node < done.size(); ++node)
      if (!done_[node] && index_[node] == kNone) visit(node);
  }
  std::vector<std::vector<std::size_t>> take() { return std::move(found_); }

 private:
  struct Frame {
    std::size_t node, next;
  };

  void enter(std::size_t node) {
    index_[node] = low_[node] = counter_++;
    stack_.push_back(node);
    on_stack_[node] = true;
    calls_.push_back({node, 0});
  }

  void visit(std::size_t root) {
    enter(root);
    while (!calls_.empty()) {
      Frame& frame = calls_.back();
      const auto after = graph_.after(frame.node);
      if (frame.next < after.size()) {
        step(frame.node, after[frame.next++]);
        continue;
      }
      const std::size_t node = frame.node;
      calls_.pop_back();
      if (!calls_.empty()) low_[calls_.back().node] = std::min(low_[calls_.back().node], low_[node]);
      if (low_[node] == index_[node]) close(node);
    }
  }

  void step(std::size_t from, std::size_t to) {
    if (done_[to]) return;
    if (index_[to] == kNone) {
      enter(to);
    } else if (on_stack_[to]) {
      low_[from] = std::min(low_[from], index_[to]);
    }
  }

  void close(std::size_t node) {
    std::vector<std::size_t> component;
    std::size_t member = kNone;
    while (member != node) {
      member = stack_.back();
      stack_.pop_back();
      on_stack_[member] = false;
      component.push_back(member);
    }
    if (component.size() > 1) found_.push_back(std::move(component));
  }

  const Graph& graph_;
  const std::vector<bool>& done_;
  std::vector<std::size_t> index_, low_, stack_;
  std::vector<bool> on_stack_;
  std::vector<Frame> calls_;
  std::size_t counter_ = 0;
  std::vector<std::vector<std::size_t>> found_;
};

// Takes the changes out; sorted by key.
std::vector<Change> take(std::vector<Change>& changes, std::vector<std::size_t> which) {
  std::sort(which.begin(), which.end(),
            [&](std::size_t a, std::size_t b) { return std::tie(changes[a].key, a) < std::tie(changes[b].key, b); });
  std::vector<Change> taken;
  taken.reserve(which.size());
  for (const std::size_t index : which) taken.push_back(std::move(changes[index]));
  return taken;
}

// Only what the change does: not the versions it was planned against, nor where and in what words
// the reason stands, nor the record that will be kept of it.
Value essence(const Change& change) {
  Change bare = change;
  bare.live_version.clear();
  bare.reason.clear();
  bare.at = {};
  bare.after = {};
  return to_json(bare);
}

}  // namespace

Ordered order(std::vector<Change> changes, std::span<const Edge> edges) {
  Graph graph(changes.size(), edges);
  std::vector<bool> done(changes.size(), false);
  std::vector<std::size_t> level;
  for (std::size_t i = 0; i < changes.size(); ++i)
    if (graph.waits_for[i] == 0) level.push_back(i);

  Ordered ordered;
  while (!level.empty()) {
    std::vector<std::size_t> next;
    for (const std::size_t node : level) {
      done[node] = true;
      for (const std::size_t later : graph.after(node))
        if (--graph.waits_for[later] == 0) next.push_back(later);
    }
    ordered.levels.push_back(take(changes, std::move(level)));
    level = std::move(next);
  }

  for (auto& component : Components(graph, done).take()) {
    for (const std::size_t node : component) done[node] = true;
    ordered.cycles.push_back(take(changes, std::move(component)));
  }
  std::sort(ordered.cycles.begin(), ordered.cycles.end(),
            [](const auto& a, const auto& b) { return a.front().key < b.front().key; });
  std::vector<std::size_t> behind;
  for (std::size_t i = 0; i < changes.size(); ++i)
    if (!done[i]) behind.push_back(i);
  ordered.behind = take(changes, std::move(behind));
  return ordered;
}

std::string digest_of(const Plan& plan) {
  std::string text = canonical(Value(boost::json::string_view(plan.target)));
  for (const auto& level : plan.levels) {
    text += "\nlevel";
    for (const Change& change : level) text += '\n' + canonical(essence(change));
  }
  return sha256(text);
}

}  // namespace plumb::plan
