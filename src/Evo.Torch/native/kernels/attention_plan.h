// How attention on the processor divides its work: the sequences of a row, and the pieces of them that a thread takes at a time.
#pragma once

#include <algorithm>
#include <utility>

#include "operators.h"

namespace evo::kernels {

// A stretch of tokens that see one another: the whole row, or one of the sequences packed into it.
struct Sequence {
  int64_t batch;
  int64_t query, queries;
  int64_t key, keys;
  int64_t packed;  // where its keys begin among those that are packed for all threads; -1: a thread packs them for itself
};

// Queries [first, end) of a sequence.
struct Piece {
  int64_t sequence;
  int64_t first, end;
};

struct Plan {
  std::vector<Sequence> sequences;
  std::vector<Piece> pieces;  // of the forward, one for a thread at a time
  bool many_pairs = false;  // of a sequence and a key/value head
  int64_t packed_tokens = 0;
  int64_t longest = 0, longest_alone = 0;  // keys of the longest sequence, and of the longest that one thread packs for itself
};

// A thread takes whole sequences and all query heads of a key/value head where there are so many of these pairs that many threads have
// enough of them. Keys and values then stay in its cache from where they are packed to where they are used. Of fewer, or longer
// sequences, threads divide the queries or the query heads.
constexpr int64_t kManyPairs = 32;
constexpr int64_t kLongestAlone = 512;

inline Plan plan_of(const at::Tensor& q, const at::Tensor& k, const evo::optional<at::Tensor>& borders, int64_t lanes) {
  Plan plan;
  const auto add = [&](int64_t b, int64_t query, int64_t queries, int64_t key, int64_t keys) {
    if (queries > 0) plan.sequences.push_back({b, query, queries, key, keys, -1});
  };
  const int64_t T = q.size(1), S = k.size(1);
  if (!borders || !borders->defined()) {
    for (int64_t b = 0; b < q.size(0); b++) add(b, 0, T, 0, S);
  } else {
    const at::Tensor at = borders->to(at::kLong).contiguous();
    const auto* border = at.data_ptr<int64_t>();
    const int64_t count = at.numel();
    TORCH_CHECK(
        count >= 2 && border[0] == 0 && border[count - 1] == T, "evo::causal_attention: cu_seqlens must go from 0 to the ", T,
        " tokens of the row, got ", at);
    for (int64_t i = 0; i + 1 < count; i++) {
      TORCH_CHECK(border[i] <= border[i + 1], "evo::causal_attention: cu_seqlens falls from ", border[i], " to ", border[i + 1]);
      add(0, border[i], border[i + 1] - border[i], border[i], border[i + 1] - border[i]);
    }
  }
  plan.many_pairs = static_cast<int64_t>(plan.sequences.size()) * k.size(2) >= kManyPairs;
  for (auto& s : plan.sequences) {
    const bool alone = plan.many_pairs && s.keys <= kLongestAlone;
    plan.longest = std::max(plan.longest, s.keys);
    if (alone)
      plan.longest_alone = std::max(plan.longest_alone, s.keys);
    else
      s.packed = std::exchange(plan.packed_tokens, plan.packed_tokens + rounded_up(s.keys, lanes));
    const int64_t step = alone ? s.queries : kQueryBlock;
    for (int64_t i = 0; i < s.queries; i += step) plan.pieces.push_back({&s - plan.sequences.data(), i, std::min(s.queries, i + step)});
  }
  return plan;
}

// Pairs of a query and a key that it sees, over all sequences.
inline int64_t pairs_of(const Plan& plan, int64_t window) {
  int64_t pairs = 0;
  for (const auto& s : plan.sequences)
    for (int64_t i = 0; i < s.queries; i++) {
      const int64_t seen = s.keys - s.queries + i + 1;
      pairs += window > 0 ? std::min(window, seen) : seen;
    }
  return pairs;
}

}  // namespace evo::kernels
