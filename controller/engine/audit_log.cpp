#include "controller/engine/audit_log.h"

#include <algorithm>
#include <map>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "controller/base/assert.h"
#include "controller/base/digest.h"
#include "controller/model/json.h"

namespace plumb::engine {
namespace {

using Stage = AuditRecord::Stage;

constexpr std::string_view kRecords = "audit/", kHead = "audit-head", kOpen = "audit-open/";
constexpr std::uint64_t kPiece = 1000;  // records read at once: those whose sequence has the same leading digits
constexpr std::size_t kPieceDigits = 17;
constexpr std::size_t kRecent = 4096;  // records kept in memory
constexpr std::uint64_t kSingly = 32;  // records that are read one by one rather than in a piece
constexpr int kAttempts = 5;           // to append while others do

std::string digits(std::uint64_t sequence) { return fmt::format("{:020}", sequence); }
std::string record_key(std::uint64_t sequence) { return std::string(kRecords) + digits(sequence); }
std::string open_key(std::string_view operation) { return fmt::format("{}{}", kOpen, operation); }

std::string digest_of(std::string_view previous, Value record) {
  record.as_object().erase("digest");
  return sha256(std::string(previous) + canonical(record));
}

bool closes(Stage stage) { return stage == Stage::done || stage == Stage::failed || stage == Stage::settled; }

Result<Value> parse(const std::string& text, std::string_view what) {
  boost::system::error_code error;
  Value value = boost::json::parse(text, error);
  if (error || !value.is_object()) return fail(Fault::invalid, "{} in the state store cannot be read", what);
  return value;
}

struct Head {
  std::uint64_t sequence = 0;
  std::string digest;
};

Result<Head> read_head(StateStore& store) {
  PLUMB_TRY(const auto item, store.get(kHead));
  if (!item) return Head{};
  PLUMB_TRY(const Value json, parse(item->value, "the head of the audit log"));
  const auto sequence = int_at(json, "/sequence");
  const auto digest = text_at(json, "/digest");
  if (!sequence || *sequence < 1 || !digest)
    return fail(Fault::invalid, "the head of the audit log in the state store cannot be read");
  return Head{static_cast<std::uint64_t>(*sequence), *digest};
}

Result<AuditRecord> read_record(const StateStore::Item& item) {
  PLUMB_TRY(const Value json, parse(item.value, item.key));
  auto record = audit_from_json(json);
  if (!record) return in_context(item.key, record.error());
  return record;
}

// Walks the chain record by record and keeps the first problem.
class Verifier {
 public:
  bool take(const StateStore::Item& item) {
    const std::uint64_t expected = result.records + 1;
    const std::string name = fmt::format("record {}", expected);
    if (item.key != record_key(expected)) return bad(name, "is missing");
    auto json = parse(item.value, name);
    if (!json || canonical(*json) != item.value) return bad(name, "is not as it was written");
    auto record = audit_from_json(*json);
    if (!record) return bad(name, "is not as it was written");
    if (record->sequence != expected) return bad(name, fmt::format("is record {}, put in its place", record->sequence));
    if (record->previous != result.head) return bad(name, "does not continue the one before it");
    if (record->digest != digest_of(result.head, *json)) return bad(name, "was changed");
    note_open(*record);
    result.records = expected;
    result.head = record->digest;
    return true;
  }

  bool bad(std::string_view what, std::string_view why) {
    result.problem = fmt::format("{} {}; {} before it hold", what, why, result.records);
    return false;
  }

  AuditLog::Verification result;
  std::map<std::string, std::uint64_t> open;

 private:
  void note_open(const AuditRecord& record) {
    if (record.stage == Stage::intent) open[record.operation] = record.sequence;
    if (closes(record.stage)) open.erase(record.operation);
  }
};

}  // namespace

AuditLog::AuditLog(StateStore& store, const Clock& clock, std::string actor)
    : store_(&store), clock_(&clock), actor_(std::move(actor)) {}

Result<AuditLog> AuditLog::open(StateStore& store, const Clock& clock, std::string actor) {
  AuditLog log(store, clock, std::move(actor));
  PLUMB_CHECK(log.refresh());
  return log;
}

Result<void> AuditLog::refresh() {
  PLUMB_ASSERT(pending_sequence_ == 0);
  PLUMB_TRY(Head head, read_head(*store_));
  sequence_ = head.sequence;
  head_ = std::move(head.digest);
  return {};
}

std::vector<StateStore::Put> AuditLog::prepare(std::vector<AuditRecord> records) {
  PLUMB_ASSERT(pending_sequence_ == 0);
  PLUMB_ASSERT(!records.empty());
  std::vector<StateStore::Put> puts;
  puts.reserve(records.size() * 2 + 1);
  pending_sequence_ = sequence_;
  pending_head_ = head_;
  pending_.clear();
  for (AuditRecord& record : records) {
    record.sequence = ++pending_sequence_;
    record.at = clock_->now();
    if (record.actor.empty()) record.actor = actor_;
    record.previous = pending_head_;
    record.digest.clear();
    Value json = to_json(record);
    pending_head_ = digest_of(pending_head_, json);
    json.as_object()["digest"] = pending_head_;
    puts.push_back({record_key(record.sequence), canonical(json)});
    if (record.stage == Stage::intent) puts.push_back({open_key(record.operation), std::to_string(record.sequence)});
    if (closes(record.stage)) puts.push_back({open_key(record.operation), std::nullopt});
    record.digest = pending_head_;
  }
  pending_ = std::move(records);
  puts.push_back({std::string(kHead), canonical(Object{{"sequence", pending_sequence_}, {"digest", pending_head_}})});
  return puts;
}

StateStore::Guard AuditLog::guard() const { return {record_key(sequence_ + 1), 0}; }

void AuditLog::appended() {
  PLUMB_ASSERT(pending_sequence_ != 0);
  sequence_ = std::exchange(pending_sequence_, 0);
  head_ = std::exchange(pending_head_, {});
  remember(std::exchange(pending_, {}));
}

void AuditLog::abandon() {
  pending_sequence_ = 0;
  pending_head_.clear();
  pending_.clear();
}

void AuditLog::remember(std::vector<AuditRecord> records) {
  if (records.empty()) return;
  if (!recent_.empty() && recent_.back().sequence + 1 != records.front().sequence) recent_.clear();
  for (AuditRecord& record : records) {
    for (FieldChange& field : record.fields)
      if (field.sensitive) field.removed.clear(), field.added.clear();  // as in the store
    recent_.push_back(std::move(record));
  }
  while (recent_.size() > kRecent) recent_.pop_front();
}

Result<void> AuditLog::append(std::vector<AuditRecord> records, std::vector<StateStore::Put> puts) {
  for (int attempt = 1;; ++attempt) {
    std::vector<StateStore::Put> all = prepare(records);
    all.insert(all.end(), puts.begin(), puts.end());
    const std::vector<StateStore::Guard> guards{guard()};
    Result<void> done;
    try {
      done = store_->commit(all, guards);
    } catch (...) {
      abandon();
      throw;
    }
    if (done) {
      appended();
      return {};
    }
    abandon();
    if (done.error().fault != Fault::conflict || attempt == kAttempts) return done;
    PLUMB_CHECK(refresh());
  }
}

Result<std::vector<AuditRecord>> AuditLog::piece(std::uint64_t number) const {
  PLUMB_TRY(const auto items, store_->list(std::string(kRecords) + digits(number * kPiece).substr(0, kPieceDigits)));
  std::vector<AuditRecord> records;
  records.reserve(items.size());
  for (const StateStore::Item& item : items) {
    PLUMB_TRY(AuditRecord record, read_record(item));
    records.push_back(std::move(record));
  }
  return records;
}

Result<AuditRecord> AuditLog::one(std::uint64_t sequence) const {
  PLUMB_TRY(const auto item, store_->get(record_key(sequence)));
  if (!item) return fail(Fault::invalid, "the audit log has no record {}", sequence);
  return read_record(*item);
}

Result<std::vector<AuditRecord>> AuditLog::read_after(std::uint64_t sequence) const {
  std::vector<AuditRecord> records;
  if (sequence_ - sequence <= kSingly) {
    for (std::uint64_t each = sequence + 1; each <= sequence_; ++each) {
      PLUMB_TRY(AuditRecord record, one(each));
      records.push_back(std::move(record));
    }
    return records;
  }
  for (std::uint64_t number = (sequence + 1) / kPiece; number <= sequence_ / kPiece; ++number) {
    PLUMB_TRY(std::vector<AuditRecord> read, piece(number));
    for (AuditRecord& record : read)
      if (record.sequence > sequence && record.sequence <= sequence_) records.push_back(std::move(record));
  }
  if (records.size() != sequence_ - sequence)
    return fail(Fault::invalid, "the audit log lacks records between {} and {}", sequence, sequence_);
  return records;
}

Result<std::vector<AuditRecord>> AuditLog::after(std::uint64_t sequence) {
  if (sequence > sequence_) return fail(Fault::invalid, "the audit log has no record {}", sequence);
  std::vector<AuditRecord> found;
  if (sequence == sequence_) return found;
  if (!recent_.empty() && recent_.back().sequence < sequence_ && recent_.back().sequence >= sequence) {
    // Somebody else has gone on since.
    PLUMB_TRY(std::vector<AuditRecord> theirs, read_after(recent_.back().sequence));
    remember(std::move(theirs));
  }
  if (!recent_.empty() && recent_.back().sequence == sequence_ && recent_.front().sequence <= sequence + 1) {
    const auto first = recent_.begin() + static_cast<std::ptrdiff_t>(sequence + 1 - recent_.front().sequence);
    found.assign(first, recent_.end());
    return found;
  }
  PLUMB_TRY(found, read_after(sequence));
  recent_.clear();
  remember(found);
  return found;
}

Result<std::vector<AuditRecord>> AuditLog::since(SystemTime from) const {
  std::vector<std::vector<AuditRecord>> pieces;
  for (std::uint64_t number = sequence_ / kPiece + 1; number-- > 0;) {
    PLUMB_TRY(std::vector<AuditRecord> records, piece(number));
    const std::size_t before = records.size();
    std::erase_if(records, [&](const AuditRecord& record) { return record.at < from; });
    if (before != 0 && records.empty()) break;
    pieces.push_back(std::move(records));
  }
  std::vector<AuditRecord> found;
  for (auto records = pieces.rbegin(); records != pieces.rend(); ++records)
    std::move(records->begin(), records->end(), std::back_inserter(found));
  return found;
}

Result<void> AuditLog::newest_first(const std::function<bool(AuditRecord)>& visit) const {
  for (std::uint64_t number = sequence_ / kPiece + 1; number-- > 0;) {
    PLUMB_TRY(std::vector<AuditRecord> records, piece(number));
    for (auto record = records.rbegin(); record != records.rend(); ++record)
      if (!visit(std::move(*record))) return {};
  }
  return {};
}

Result<std::vector<AuditRecord>> AuditLog::last(std::size_t count) const {
  std::vector<AuditRecord> found;
  if (count == 0) return found;
  PLUMB_CHECK(newest_first([&](AuditRecord record) {
    found.push_back(std::move(record));
    return found.size() < count;
  }));
  std::reverse(found.begin(), found.end());
  return found;
}

Result<std::vector<AuditRecord>> AuditLog::open_intents() const {
  PLUMB_TRY(const auto items, store_->list(kOpen));
  std::vector<AuditRecord> found;
  for (const StateStore::Item& item : items) {
    std::uint64_t sequence = 0;
    for (const char digit : item.value) sequence = sequence * 10 + static_cast<std::uint64_t>(digit - '0');
    PLUMB_TRY(const auto record, store_->get(record_key(sequence)));
    if (!record) return fail(Fault::invalid, "the audit log has no record {}, which opened {}", sequence, item.key);
    PLUMB_TRY(AuditRecord read, read_record(*record));
    found.push_back(std::move(read));
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
  return found;
}

Result<AuditLog::Verification> AuditLog::verify(StateStore& store) {
  PLUMB_TRY(const auto items, store.list(kRecords));
  PLUMB_TRY(const auto open, store.list(kOpen));
  Verifier verifier;
  for (const StateStore::Item& item : items)
    if (!verifier.take(item)) return verifier.result;
  const auto head = read_head(store);
  if (!head && head.error().fault != Fault::invalid) return Failure(head.error());
  if (!head || head->sequence != verifier.result.records || head->digest != verifier.result.head) {
    verifier.bad(fmt::format("record {}", verifier.result.records + 1),
                 head ? fmt::format("is missing: the log was cut off, its head says that there are {}", head->sequence)
                      : "cannot be looked for: the head of the log is damaged");
    return verifier.result;
  }
  std::map<std::string, std::uint64_t> listed;
  for (const StateStore::Item& item : open)
    listed[item.key.substr(kOpen.size())] = std::strtoull(item.value.c_str(), nullptr, 10);
  if (listed != verifier.open) verifier.result.problem = "the list of open operations is not what the records say";
  return verifier.result;
}

}  // namespace plumb::engine
