// The changes that a writer makes: each sends one string of statements and tells the draft what
// the rows are afterwards.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/server/members.h"
#include "tests/server/writer.h"

namespace server {
namespace {

constexpr char kInsert[] = "INSERT INTO public.members VALUES ";

std::string CopyField(const Value& value) { return value.value_or("\\N"); }

std::string Where(std::int64_t id) { return absl::StrCat(" WHERE id = ", id); }

}  // namespace

void Writer::Insert(Draft& draft) {
  const std::int64_t id = NewKey();
  const Member member = RandomMember();
  Send(kInsert + Values(id, member));
  draft.Put(id, member);
}

void Writer::InsertMany(Draft& draft) {
  std::vector<std::string> values;
  Draft after = draft;
  for (std::int64_t i = random_.Between(2, 10); i > 0; --i) {
    const std::int64_t id = NewKey();
    const Member member = RandomMember();
    values.push_back(Values(id, member));
    after.Put(id, member);
  }
  Send(kInsert + absl::StrJoin(values, ", "));
  draft = after;
}

void Writer::Copy(Draft& draft) {
  std::string lines;
  Draft after = draft;
  for (std::int64_t i = random_.Between(1, 10); i > 0; --i) {
    const std::int64_t id = NewKey();
    const Member member = RandomMember();
    absl::StrAppend(&lines, id, "\t", CopyField(member.owner), "\t", CopyField(member.rank), "\t",
                    CopyField(member.label), "\t", CopyField(member.payload), "\t0\n");
    after.Put(id, member);
  }
  const Clock::time_point from = Clock::now();
  client_.CopyIn("COPY public.members FROM STDIN", lines);
  Timed("COPY", from);
  draft = after;
}

void Writer::Upsert(Draft& draft) {
  std::int64_t id = AnyKey(draft);
  if (id == 0 || random_.OneIn(3)) id = NewKey();
  Member member = RandomMember();
  const std::string sql = absl::StrCat(kInsert, Values(id, member),
                                       " ON CONFLICT (id) DO UPDATE SET rank = excluded.rank,"
                                       " owner_id = excluded.owner_id, hits = members.hits + 1");
  if (const Member* old = draft.Find(id)) {
    member.label = old->label;
    member.payload = old->payload;
    member.hits = old->hits + 1;
  }
  Send(sql);
  draft.Put(id, member);
}

void Writer::Merge(Draft& draft) {
  const std::int64_t updated = AnyKey(draft);
  const std::int64_t deleted = AnyKey(draft);
  const std::int64_t inserted = NewKey();
  if (updated == 0 || updated == deleted) return;
  const Member member = RandomMember();
  Member changed = *draft.Find(updated);
  changed.rank = member.rank;
  ++changed.hits;
  Send(absl::StrCat("MERGE INTO public.members m USING (VALUES (", updated, "::bigint, 'u'), (",
                    deleted, ", 'd'), (", inserted,
                    ", 'i')) AS v(id, what) ON m.id = v.id"
                    " WHEN MATCHED AND v.what = 'd' THEN DELETE"
                    " WHEN MATCHED THEN UPDATE SET rank = ",
                    LiteralOrNull(member.rank),
                    ", hits = m.hits + 1"
                    " WHEN NOT MATCHED THEN INSERT VALUES ",
                    Values(inserted, member)));
  draft.Put(updated, changed);
  draft.Erase(deleted);
  draft.Put(inserted, member);
}

void Writer::UpdateKey(Draft& draft) {
  const std::int64_t from = AnyKey(draft);
  if (from == 0) return;
  const std::int64_t to = NewKey();
  const Member member = *draft.Find(from);
  Send(absl::StrCat("UPDATE public.members SET id = ", to, Where(from)));
  draft.Erase(from);
  draft.Put(to, member);
}

void Writer::SwapKeys(Draft& draft) {
  const std::int64_t one = AnyKey(draft);
  const std::int64_t other = AnyKey(draft);
  if (one == 0 || one == other) return;
  const std::int64_t spare = NewKey();
  const Member first = *draft.Find(one);
  const Member second = *draft.Find(other);
  const std::string update = "UPDATE public.members SET id = ";
  Send(absl::StrCat(update, spare, Where(one), ";", update, one, Where(other), ";", update, other,
                    Where(spare)));
  draft.Put(one, second);
  draft.Put(other, first);
}

void Writer::MoveByCte(Draft& draft) {
  const std::int64_t from = AnyKey(draft);
  if (from == 0) return;
  const std::int64_t to = NewKey();
  const Member member = *draft.Find(from);
  Send(absl::StrCat("WITH gone AS (DELETE FROM public.members", Where(from),
                    " RETURNING *) INSERT INTO public.members SELECT ", to,
                    ", owner_id, rank, label, payload, hits FROM gone"));
  draft.Erase(from);
  draft.Put(to, member);
}

void Writer::UpdateOwner(Draft& draft) {
  const std::int64_t id = AnyKey(draft);
  if (id == 0) return;
  Member member = *draft.Find(id);
  member.owner = member.owner && random_.OneIn(3) ? std::nullopt : random_.Owner();
  Send(absl::StrCat("UPDATE public.members SET owner_id = ", LiteralOrNull(member.owner),
                    Where(id)));
  draft.Put(id, member);
}

void Writer::UpdateRank(Draft& draft) {
  const std::int64_t id = AnyKey(draft);
  if (id == 0) return;
  Member member = *draft.Find(id);
  member.rank = random_.Rank();
  Send(absl::StrCat("UPDATE public.members SET rank = ", LiteralOrNull(member.rank), Where(id)));
  draft.Put(id, member);
}

void Writer::UpdateOthers(Draft& draft) {
  const std::int64_t id = AnyKey(draft);
  if (id == 0) return;
  Member member = *draft.Find(id);
  member.label = random_.Label();
  member.payload = random_.Payload();
  ++member.hits;
  Send(absl::StrCat("UPDATE public.members SET label = ", LiteralOrNull(member.label),
                    ", payload = ", LiteralOrNull(member.payload), ", hits = hits + 1", Where(id)));
  draft.Put(id, member);
}

void Writer::UpdateMany(Draft& draft) {
  std::vector<std::int64_t> keys;
  for (std::int64_t i = random_.Between(2, 20); i > 0; --i) {
    if (const std::int64_t id = AnyKey(draft)) keys.push_back(id);
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  const Value rank = random_.Rank();
  Send(absl::StrCat("UPDATE public.members SET hits = hits + 1, rank = ", LiteralOrNull(rank),
                    " WHERE id = ANY ('{", absl::StrJoin(keys, ","), "}')"));
  for (const std::int64_t id : keys) {
    Member member = *draft.Find(id);
    member.rank = rank;
    ++member.hits;
    draft.Put(id, member);
  }
}

void Writer::Delete(Draft& draft) {
  const std::int64_t id = AnyKey(draft);
  if (id == 0) return;
  Send("DELETE FROM public.members" + Where(id));
  draft.Erase(id);
}

void Writer::DeleteAndInsert(Draft& draft) {
  const std::int64_t id = AnyKey(draft);
  if (id == 0) return;
  const Member member = RandomMember();
  Send(absl::StrCat("DELETE FROM public.members", Where(id), ";", kInsert, Values(id, member)));
  draft.Put(id, member);
}

void Writer::CascadeUpdate(Draft& draft) {
  const std::int64_t from = ++last_owner_;
  const std::int64_t to = ++last_owner_;
  Member member = RandomMember();
  member.owner = std::to_string(from);
  const std::int64_t one = NewKey();
  const std::int64_t other = NewKey();
  Send(absl::StrCat("INSERT INTO public.owners VALUES (", from, ");", kInsert, Values(one, member),
                    ", ", Values(other, member), "; UPDATE public.owners SET id = ", to,
                    Where(from)));
  member.owner = std::to_string(to);
  draft.Put(one, member);
  draft.Put(other, member);
}

void Writer::CascadeDelete(Draft& draft) {
  // The newest rows are the likeliest to have an owner of our own.
  for (std::int64_t from = last_key_; from > last_key_ - 40 * kResidues; from -= kResidues) {
    const Member* member = draft.Find(from);
    if (member == nullptr || !member->owner || std::stoll(*member->owner) < kResidues * 1000) {
      continue;
    }
    const std::string owner = *member->owner;
    Send("DELETE FROM public.owners WHERE id = " + owner);
    for (const std::int64_t id : draft.KeysOfOwner(owner)) draft.Erase(id);
    return;
  }
}

}  // namespace server
