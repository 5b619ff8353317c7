#include <ostream>

#include "controller/app/commands.h"
#include "controller/app/state.h"
#include "controller/engine/lane.h"
#include "controller/engine/review.h"
#include "controller/model/json.h"

namespace plumb::app {
namespace {

constexpr std::size_t kLastRecords = 50;

Result<void> must_exist(const GlobalOptions& options) {
  std::error_code error;
  if (std::filesystem::exists(options.state / "plumbline.db", error)) return {};
  return fail(Fault::not_found, "there is no state in {}; name it with --state or PLUMBLINE_STATE",
              options.state.string());
}

// "24h" before now, or a time.
Result<SystemTime> since_when(const std::string& text, SystemTime now) {
  if (const auto time = parse_time(text)) return *time;
  if (const auto span = parse_duration(text)) return now - *span;
  return fail(Fault::invalid, "--since {}: expected a time (2026-11-20T18:00:00Z) or how long ago (24h)", text);
}

std::string values_text(const FieldChange& field) {
  if (field.sensitive) return field.name + "=(sensitive)";
  const auto side = [](const std::vector<std::string>& values) {
    if (values.empty()) return std::string("-");
    if (values.size() > 3) return fmt::format("{} values", values.size());
    return join(values, "|");
  };
  return printable(fmt::format("{}: {} -> {}", field.name, side(field.removed), side(field.added)));
}

std::string line_of(const AuditRecord& record) {
  std::vector<std::string> parts;
  for (const auto action : record.actions) parts.emplace_back(to_string(action));
  std::string text = fmt::format("{:>6} {} {:<8} {} {}", record.sequence, format_time(record.at),
                                 to_string(record.stage), record.actor, join(parts, "+"));
  if (!record.key.kind.empty()) text += " " + to_string(record.key);
  if (record.security) text += " SECURITY";
  if (!record.handle.empty()) text += " " + printable(record.handle);
  if (!record.handle_after.empty() && record.handle_after != record.handle) {
    text += " => " + printable(record.handle_after);
  }
  for (const auto& field : record.fields) text += "\n         " + values_text(field);
  if (!record.message.empty()) text += "\n         " + printable(record.message);
  return text;
}

}  // namespace

Result<int> approve_command(const GlobalOptions& options, const ApproveOptions& approve, Console& console) {
  PLUMB_CHECK(must_exist(options));
  if (approve.digest.size() != 64 || approve.digest.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return fail(Fault::invalid, "\"{}\" is not the digest of a plan: 64 hexadecimal digits, as `plumbline plan` prints",
                approve.digest);
  }
  const RealClock clock;
  PLUMB_TRY(const auto state, State::open(options.state, State::Access::note, "plumbline approve", clock));
  PLUMB_TRY(const bool held, engine::is_anything_withheld(state->store()));
  const SystemTime expires = clock.now() + approve.expires;
  PLUMB_CHECK(engine::Lane::approve(state->store(), state->audit(), approve.digest, approve.reason, expires));
  console.out << "The plan " << approve.digest << " is approved until " << format_time(expires) << '\n';
  if (!held)
    console.err << "note: nothing is held at present; this is for a later plan that does exactly what `plumbline plan` "
                   "showed under that digest\n";
  return kOk;
}

Result<int> audit_list_command(const GlobalOptions& options, const AuditListOptions& list, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  PLUMB_CHECK(must_exist(options));
  const RealClock clock;
  PLUMB_TRY(const auto state, State::open(options.state, State::Access::look, "plumbline audit", clock));
  std::vector<AuditRecord> records;
  if (list.since.empty()) {
    PLUMB_TRY(records, state->audit().last(kLastRecords));
  } else {
    PLUMB_TRY(const auto from, since_when(list.since, clock.now()));
    PLUMB_TRY(records, state->audit().since(from));
  }
  if (options.output == "json") {
    Array all;
    for (const auto& record : records) all.push_back(to_json(record));
    console.out << pretty(all) << '\n';
    return kOk;
  }
  for (const auto& record : records) console.out << line_of(record) << '\n';
  return kOk;
}

Result<int> audit_verify_command(const GlobalOptions& options, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  PLUMB_CHECK(must_exist(options));
  const RealClock clock;
  PLUMB_TRY(const auto state, State::open(options.state, State::Access::look, "plumbline audit", clock));
  PLUMB_TRY(const auto verified, engine::AuditLog::verify(state->store()));
  const bool good = verified.problem.empty();
  if (options.output == "json") {
    console.out << pretty(Object{{"intact", good},
                                 {"records", verified.records},
                                 {"head", verified.head},
                                 {"problem", verified.problem}})
                << '\n';
  } else if (good) {
    console.out << verified.records << " records, the chain is intact; its head is " << verified.head << '\n';
  } else {
    print_error(console, fmt::format("the audit log was tampered with or damaged: {}", verified.problem));
  }
  return good ? kOk : kFailed;
}

}  // namespace plumb::app
