#include "controller/app/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <map>

#include <fmt/format.h>

#include "controller/base/text.h"
#include "controller/runtime/connectors.h"

namespace plumb::app {
namespace {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

// A label's value: backslash, quote and line break are escaped, and what is not UTF-8 is made printable.
std::string quoted(std::string_view value) {
  std::string text;
  for (const char c : printable(value)) {
    if (c == '\\' || c == '"') text.push_back('\\');
    text.push_back(c);
  }
  return text;
}

class Writer {
 public:
  void begin(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
  }
  void value(const Labels& labels, double value) {
    text_ += name_;
    for (std::size_t i = 0; i < labels.size(); ++i)
      text_ += fmt::format("{}{}=\"{}\"", i == 0 ? '{' : ',', labels[i].first, quoted(labels[i].second));
    text_ += fmt::format("{} {}\n", labels.empty() ? "" : "}", value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string name_, text_;
};

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void add_process(Writer& to, std::string_view version) {
  to.begin("plumbline_build_info", "gauge", "The version that runs.");
  to.value({{"version", std::string(version)}}, 1);
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  to.begin("process_cpu_seconds_total", "counter", "Processor time of the controller.");
  to.value({}, seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
  long pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  to.begin("process_resident_memory_bytes", "gauge", "Memory of the controller.");
  to.value({}, static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
}

struct PerConnector {
  std::string_view name, type, help;
  double (*value)(const link::ConnectorState&);
};

double number(std::uint64_t count) { return static_cast<double>(count); }

const PerConnector kPerConnector[] = {
    {"plumbline_connector_up", "gauge", "1 where an agent is connected.",
     [](const link::ConnectorState& state) { return state.phase == link::ConnectorState::Phase::online ? 1.0 : 0.0; }},
    {"plumbline_connector_last_seen_timestamp_seconds", "gauge", "When it was heard of last; 0: never.",
     [](const link::ConnectorState& state) {
       return std::chrono::duration<double>(state.last_seen.time_since_epoch()).count();
     }},
    {"plumbline_connector_working", "gauge", "Requests that it works on.",
     [](const link::ConnectorState& state) { return number(state.working); }},
    {"plumbline_connector_served_total", "counter", "Requests that the agent has served since it began.",
     [](const link::ConnectorState& state) { return number(state.health.served); }},
    {"plumbline_connector_failed_total", "counter", "Operations that failed; a request may have many.",
     [](const link::ConnectorState& state) { return number(state.health.failed); }},
    {"plumbline_connector_refused_total", "counter", "Operations that its site's policy or its domain refused.",
     [](const link::ConnectorState& state) { return number(state.health.refused); }},
    {"plumbline_connector_cpu_seconds_total", "counter", "Processor time of the agent.",
     [](const link::ConnectorState& state) { return number(state.health.cpu_milliseconds) / 1000; }},
    {"plumbline_connector_resident_memory_bytes", "gauge", "Memory of the agent.",
     [](const link::ConnectorState& state) { return number(state.health.memory_bytes); }},
    {"plumbline_connector_clock_skew_seconds", "gauge", "How far its clock is ahead.",
     [](const link::ConnectorState& state) { return std::chrono::duration<double>(state.clock_skew).count(); }},
};

void add_connectors(Writer& to, const ConnectorsSeen& seen) {
  std::map<std::string, int> by_status;
  for (const char* status : {"Online", "Offline", "Pending", "Held", "Disabled", "Archived"}) by_status[status] = 0;
  std::vector<std::pair<Labels, link::ConnectorState>> all;
  to.begin("plumbline_connector_info", "gauge", "What each Connector is.");
  for (const auto& [key, object] : seen.applied.objects) {
    if (key.kind != "Connector") continue;
    ++by_status[connector_status(seen, key)];
    const auto state = seen.states.find(key);
    const link::ConnectorState& known =
        all.emplace_back(Labels{{"namespace", key.ns}, {"name", key.name}},
                         state == seen.states.end() ? link::ConnectorState() : state->second)
            .second;
    Labels labels = all.back().first;
    labels.emplace_back("group", runtime::connector_group(object->spec, key.name));
    labels.emplace_back("version", known.facts.version);
    labels.emplace_back("os", known.facts.os);
    to.value(labels, 1);
  }
  to.begin("plumbline_connectors", "gauge", "How many Connectors there are of each status.");
  for (const auto& [status, count] : by_status) to.value({{"status", status}}, count);
  for (const PerConnector& each : kPerConnector) {
    to.begin(each.name, each.type, each.help);
    for (const auto& [labels, state] : all) to.value(labels, each.value(state));
  }
}

}  // namespace

std::string metrics_text(const ConnectorsSeen& seen, std::string_view version) {
  Writer writer;
  add_process(writer, version);
  add_connectors(writer, seen);
  return writer.take();
}

}  // namespace plumb::app
