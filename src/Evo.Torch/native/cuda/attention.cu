// Attention on a GPU for whatever libtorch's flash attention does not take: any type, slopes, dropped weights, keys beyond the queries.
// Scores are computed a tile at a time, the softmax kept up to date over the tiles of keys (Milakov and Gimelshein 2018; tiles as in Dao
// et al. 2022), so that memory is linear in the sequence. Each number has one thread, and each sum one order.

#include "device.cuh"
#include "launch.cuh"

namespace evo::cuda {
namespace {

// A block's threads stand in a square: each has every 16th row and every 16th column of what the block computes.
constexpr int kSide = 16;

// Elements of a head in C columns of each thread, apart by so much that neighbouring threads read other banks.
template <class W>
constexpr int kGap = 16 / sizeof(W);
template <class W, int C>
constexpr int kRow = kSide * C + kGap<W>;

template <class W, int C>
constexpr size_t bytes_of(int tile, int buffers) {
    return sizeof(W) * tile * (buffers * kRow<W, C> + tile + kGap<W>);
}

// Queries, and keys, of a tile: as many as leave the rows of `buffers` and the weights room on the chip of any GPU from sm_80 on.
template <class W, int C>
constexpr int tile_of(int buffers) {
    constexpr size_t room = 96 << 10;
    return bytes_of<W, C>(64, buffers) <= room ? 64 : bytes_of<W, C>(32, buffers) <= room ? 32 : 16;
}

// What a query sees.
struct Seen {
    int64_t place, first;  // keys [first, place]; none: place is -1

    __device__ bool key(int64_t j) const { return first <= j && j <= place; }
};

__device__ inline int64_t place_of(const Attention& in, int64_t query) { return in.S - in.T + query; }

// The first border beyond a token, by its index.
__device__ inline int64_t next_border(const Attention& in, int64_t token) {
    int64_t low = 1, high = in.sequences;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        in.borders[middle] > token ? high = middle : low = middle + 1;
    }
    return low;
}

__device__ inline Seen seen_by(const Attention& in, int64_t query) {
    if (query >= in.T) return {-1, 0};
    const int64_t place = place_of(in, query);
    int64_t first = in.borders ? in.borders[next_border(in, query) - 1] : 0;
    if (in.window > 0) first = max(first, place - in.window + 1);
    return {place, first};
}

// The end of the queries that see a key.
__device__ inline int64_t last_query(const Attention& in, int64_t key) {
    int64_t end = in.borders ? in.borders[next_border(in, key)] : in.T;
    if (in.window > 0) end = min(end, key + in.window - (in.S - in.T));
    return end;
}

template <class S>
__device__ const S* head_of(const void* of, const HeadStrides& strides, int64_t b, int64_t h) {
    return static_cast<const S*>(of) + b * strides.batch + h * strides.head;
}

// Tokens [first, first + Tile) of a head onto the chip; zeros in the place of those from `end` on, and behind the elements.
template <int Tile, int C, class S>
__device__ void fetch(const S* from, int64_t token_stride, int64_t first, int64_t end, int D, Wide<S>* to) {
    constexpr int row = kRow<Wide<S>, C>;
    const int thread = threadIdx.y * kSide + threadIdx.x;
    for (int n = thread / 32; n < Tile; n += kSide * kSide / 32)
        for (int d = thread % 32; d < row; d += 32)
            to[n * row + d] = first + n < end && d < D ? wide(from[(first + n) * token_stride + d]) : Wide<S>(0);
}

// The thread's products of rows of a with rows of b.
template <int N, int C, class W>
__device__ void products(const W* a, const W* b, int D, W (&to)[N][N]) {
    constexpr int row = kRow<W, C>, V = kGap<W>;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) to[i][j] = 0;
    for (int d = 0; d < D; d += V) {
        Piece<W, V> left[N], right[N];
#pragma unroll
        for (int i = 0; i < N; i++) left[i] = piece<W, V>(a + (threadIdx.y + i * kSide) * row + d, 0);
#pragma unroll
        for (int j = 0; j < N; j++) right[j] = piece<W, V>(b + (threadIdx.x + j * kSide) * row + d, 0);
#pragma unroll
        for (int i = 0; i < N; i++)
#pragma unroll
            for (int j = 0; j < N; j++)
#pragma unroll
                for (int n = 0; n < V; n++) to[i][j] += left[i].at[n] * right[j].at[n];
    }
}

// Adds the thread's part of weights * rows, the weights [Tile, Tile] of those of a tile, or transposed.
template <int Tile, int C, bool transposed, class W>
__device__ void add_weighted(const W* weights, const W* rows, W (&to)[Tile / kSide][C]) {
    constexpr int N = Tile / kSide, line = Tile + kGap<W>;
    for (int n = 0; n < Tile; n++) {
        W weight[N];
#pragma unroll
        for (int i = 0; i < N; i++) {
            const int own = threadIdx.y + i * kSide;
            weight[i] = weights[transposed ? n * line + own : own * line + n];
        }
#pragma unroll
        for (int c = 0; c < C; c++) {
            const W value = rows[n * kRow<W, C> + threadIdx.x + c * kSide];
#pragma unroll
            for (int i = 0; i < N; i++) to[i][c] += weight[i] * value;
        }
    }
}

// The same number in the 16 threads of a row: its largest, its sum.
template <class W>
__device__ W row_largest(W value) {
    for (int offset = kSide / 2; offset > 0; offset /= 2) value = max(value, __shfl_xor_sync(0xffffffffu, value, offset));
    return value;
}
template <class W>
__device__ W row_sum(W value) {
    for (int offset = kSide / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffu, value, offset);
    return value;
}

// What is added to scores of a head, and which of its weights are dropped.
template <class W>
struct Head {
    const Attention& in;
    int64_t row;  // of lse: b * H + h
    W slope;
    const int64_t* key_words;

    __device__ Head(const Attention& in, int64_t b, int64_t h)
        : in(in), row(b * in.H + h), slope(in.slopes ? static_cast<W>(in.slopes[h]) : W(0)),
          key_words(in.key_words + (in.own_key_words ? b * in.S : 0)) {}

    __device__ W score(W product, const Seen& query, int64_t key) const {
        return product * static_cast<W>(in.scale) + slope * static_cast<W>(key - query.place);
    }
    __device__ std::uint32_t word(int64_t query) const {
        return in.query_words && query < in.T ? static_cast<std::uint32_t>(in.query_words[row * in.T + query]) : 0;
    }
    __device__ W factor(std::uint32_t query_word, int64_t key) const {
        if (!in.query_words || key >= in.S) return 1;
        return mixed(query_word ^ static_cast<std::uint32_t>(key_words[key])) < in.drop_limit ? W(0) : static_cast<W>(in.kept);
    }
};

template <class S, int Tile, int C>
__global__ void __launch_bounds__(kSide * kSide) attend(const Attention in, S* out, Wide<S>* lse) {
    using W = Wide<S>;
    constexpr int N = Tile / kSide, line = Tile + kGap<W>;
    W* const q = static_cast<W*>(on_chip());
    W* const other = q + Tile * kRow<W, C>;  // keys, then values
    W* const weights = other + Tile * kRow<W, C>;
    // Late queries see the most keys: their blocks begin first.
    const int64_t first = (gridDim.x - 1 - blockIdx.x) * int64_t(Tile), h = blockIdx.y, b = blockIdx.z, kv = h / (in.H / in.K);
    const int D = static_cast<int>(in.D);
    const Head<W> head(in, b, h);
    fetch<Tile, C>(head_of<S>(in.q, in.of_q, b, h), in.of_q.token, first, in.T, D, q);
    Seen seen[N];
    std::uint32_t word[N];
    W most[N], mass[N], total[N][C] = {};
    for (int i = 0; i < N; i++) {
        const int64_t query = first + threadIdx.y + i * kSide;
        seen[i] = seen_by(in, query);
        word[i] = head.word(query);
        most[i] = -INFINITY;
        mass[i] = 0;
    }
    const int64_t end = place_of(in, min(first + Tile, in.T) - 1) + 1;
    for (int64_t key = seen_by(in, first).first; key < end; key += Tile) {
        __syncthreads();
        fetch<Tile, C>(head_of<S>(in.k, in.of_k, b, kv), in.of_k.token, key, in.S, D, other);
        __syncthreads();
        W score[N][N];
        products<N, C>(q, other, D, score);
        __syncthreads();
        fetch<Tile, C>(head_of<S>(in.v, in.of_v, b, kv), in.of_v.token, key, in.S, D, other);
        for (int i = 0; i < N; i++) {
            W top = -INFINITY;
            for (int j = 0; j < N; j++) {
                const int64_t at = key + threadIdx.x + j * kSide;
                score[i][j] = seen[i].key(at) ? head.score(score[i][j], seen[i], at) : W(-INFINITY);
                top = max(top, score[i][j]);
            }
            top = max(most[i], row_largest(top));
            const bool any = top > W(-INFINITY);  // none until now: all is zero
            W part = 0;
            for (int j = 0; j < N; j++) {
                const int column = threadIdx.x + j * kSide;
                const W weight = any ? exponential(score[i][j] - top) : W(0);
                part += weight;
                weights[(threadIdx.y + i * kSide) * line + column] = weight * head.factor(word[i], key + column);
            }
            const W fade = any ? exponential(most[i] - top) : W(1);
            mass[i] = mass[i] * fade + row_sum(part);
            most[i] = top;
            for (int c = 0; c < C; c++) total[i][c] *= fade;
        }
        __syncthreads();
        add_weighted<Tile, C, false>(weights, other, total);
    }
    for (int i = 0; i < N; i++) {
        const int64_t query = first + threadIdx.y + i * kSide;
        if (query >= in.T) continue;
        for (int c = 0; c < C; c++)
            if (const int d = threadIdx.x + c * kSide; d < D) out[((b * in.T + query) * in.H + h) * D + d] = narrow<S>(total[i][c] / mass[i]);
        if (threadIdx.x == 0) lse[head.row * in.T + query] = most[i] + logarithm(mass[i]);
    }
}

// delta [B, H, T], the sum of a query's result times its gradient: a warp for each.
template <class S>
__global__ void attend_delta(const Attention in, const S* out, const S* dout, Wide<S>* delta) {
    const int64_t row = blockIdx.x * int64_t(blockDim.y) + threadIdx.y;  // of [B, T, H]
    if (row >= in.B * in.T * in.H) return;
    Wide<S> sum = 0;
    for (int64_t d = threadIdx.x; d < in.D; d += 32) sum += wide(out[row * in.D + d]) * wide(dout[row * in.D + d]);
    sum = warp_sum(sum);
    const int64_t h = row % in.H, t = row / in.H % in.T, b = row / in.H / in.T;
    if (threadIdx.x == 0) delta[(b * in.H + h) * in.T + t] = sum;
}

// What a backward has on the chip, and the thread's gradients of scores, before the scale; the weights, after dropout, too.
template <class S, int Tile, int C>
struct Tiles {
    using W = Wide<S>;
    static constexpr int N = Tile / kSide, line = Tile + kGap<W>;
    W *q, *dout, *k, *v, *weights;

    __device__ Tiles() {
        q = static_cast<W*>(on_chip());
        dout = q + Tile * kRow<W, C>;
        k = dout + Tile * kRow<W, C>;
        v = k + Tile * kRow<W, C>;
        weights = v + Tile * kRow<W, C>;
    }

    __device__ void fetch_queries(const Attention& in, const S* of_dout, int64_t b, int64_t h, int64_t first) const {
        const int D = static_cast<int>(in.D);
        fetch<Tile, C>(head_of<S>(in.q, in.of_q, b, h), in.of_q.token, first, in.T, D, q);
        fetch<Tile, C>(of_dout + (b * in.T * in.H + h) * D, in.H * D, first, in.T, D, dout);
    }
    __device__ void fetch_keys(const Attention& in, int64_t b, int64_t kv, int64_t first) const {
        const int D = static_cast<int>(in.D);
        fetch<Tile, C>(head_of<S>(in.k, in.of_k, b, kv), in.of_k.token, first, in.S, D, k);
        fetch<Tile, C>(head_of<S>(in.v, in.of_v, b, kv), in.of_v.token, first, in.S, D, v);
    }

    __device__ void gradients(
        const Head<W>& head, int64_t query, int64_t key, const W* lse, const W* delta, W (&weight)[N][N], W (&dscore)[N][N]) const {
        const Attention& in = head.in;
        products<N, C>(q, k, static_cast<int>(in.D), weight);
        products<N, C>(dout, v, static_cast<int>(in.D), dscore);
        for (int i = 0; i < N; i++) {
            const int64_t own = query + threadIdx.y + i * kSide;
            const Seen seen = seen_by(in, own);
            const std::uint32_t word = head.word(own);
            const W log_mass = own < in.T ? lse[head.row * in.T + own] : W(0), mean = own < in.T ? delta[head.row * in.T + own] : W(0);
            for (int j = 0; j < N; j++) {
                const int64_t at = key + threadIdx.x + j * kSide;
                const W p = seen.key(at) ? exponential(head.score(weight[i][j], seen, at) - log_mass) : W(0), factor = head.factor(word, at);
                weight[i][j] = p * factor;
                dscore[i][j] = p * (dscore[i][j] * factor - mean);
            }
        }
    }

    __device__ void put(const W (&values)[N][N]) const {
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) weights[(threadIdx.y + i * kSide) * line + threadIdx.x + j * kSide] = values[i][j];
    }

    // Rows of the thread's own of a result [.., tokens, heads, D].
    static __device__ void write(const W (&from)[N][C], double scale, S* to, int64_t first, int64_t end, int64_t heads, int64_t D) {
        for (int i = 0; i < N; i++) {
            const int64_t token = first + threadIdx.y + i * kSide;
            for (int c = 0; c < C; c++)
                if (const int d = threadIdx.x + c * kSide; token < end && d < D) to[token * heads * D + d] = narrow<S>(from[i][c] * static_cast<W>(scale));
        }
    }
};

template <class S, int Tile, int C>
__global__ void __launch_bounds__(kSide * kSide)
    attend_backward_queries(const Attention in, const S* dout, const Wide<S>* lse, const Wide<S>* delta, S* dq) {
    using T = Tiles<S, Tile, C>;
    const T tiles;
    const int64_t first = (gridDim.x - 1 - blockIdx.x) * int64_t(Tile), h = blockIdx.y, b = blockIdx.z;
    const Head<Wide<S>> head(in, b, h);
    tiles.fetch_queries(in, dout, b, h, first);
    Wide<S> total[T::N][C] = {}, weight[T::N][T::N], dscore[T::N][T::N];
    const int64_t end = place_of(in, min(first + Tile, in.T) - 1) + 1;
    for (int64_t key = seen_by(in, first).first; key < end; key += Tile) {
        __syncthreads();
        tiles.fetch_keys(in, b, h / (in.H / in.K), key);
        __syncthreads();
        tiles.gradients(head, first, key, lse, delta, weight, dscore);
        tiles.put(dscore);
        __syncthreads();
        add_weighted<Tile, C, false>(tiles.weights, tiles.k, total);
    }
    T::write(total, in.scale, dq + (b * in.T * in.H + h) * in.D, first, in.T, in.H, in.D);
}

// All query heads of a key's, one after the other: the sum has one order.
template <class S, int Tile, int C>
__global__ void __launch_bounds__(kSide * kSide)
    attend_backward_keys(const Attention in, const S* dout, const Wide<S>* lse, const Wide<S>* delta, S* dk, S* dv) {
    using T = Tiles<S, Tile, C>;
    const T tiles;
    const int64_t first = blockIdx.x * int64_t(Tile), kv = blockIdx.y, b = blockIdx.z, group = in.H / in.K;
    tiles.fetch_keys(in, b, kv, first);
    Wide<S> of_keys[T::N][C] = {}, of_values[T::N][C] = {}, weight[T::N][T::N], dscore[T::N][T::N];
    const int64_t begin = max(first - (in.S - in.T), int64_t(0)), end = min(last_query(in, min(first + Tile, in.S) - 1), in.T);
    for (int64_t h = kv * group; h < (kv + 1) * group; h++) {
        const Head<Wide<S>> head(in, b, h);
        for (int64_t query = begin; query < end; query += Tile) {
            __syncthreads();
            tiles.fetch_queries(in, dout, b, h, query);
            __syncthreads();
            tiles.gradients(head, query, first, lse, delta, weight, dscore);
            tiles.put(weight);
            __syncthreads();
            add_weighted<Tile, C, true>(tiles.weights, tiles.dout, of_values);
            __syncthreads();
            tiles.put(dscore);
            __syncthreads();
            add_weighted<Tile, C, true>(tiles.weights, tiles.q, of_keys);
        }
    }
    T::write(of_keys, in.scale, dk + (b * in.S * in.K + kv) * in.D, first, in.S, in.K, in.D);
    T::write(of_values, 1, dv + (b * in.S * in.K + kv) * in.D, first, in.S, in.K, in.D);
}

// Calls f with the columns of a thread.
template <class F>
void with_columns(int64_t D, F f) {
    if (D <= 2 * kSide) return f(Count<2>{});
    if (D <= 4 * kSide) return f(Count<4>{});
    if (D <= 8 * kSide) return f(Count<8>{});
    return f(Count<16>{});
}

// A block for each tile of tokens of each head.
template <class... Takes, class... Given>
void launch_tiles(void (*kernel)(Takes...), int64_t tokens, int tile, int64_t heads, int64_t rows, size_t bytes, Stream stream, Given... given) {
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
    const dim3 blocks(static_cast<unsigned>((tokens + tile - 1) / tile), static_cast<unsigned>(heads), static_cast<unsigned>(rows));
    launch(kernel, {blocks, dim3(kSide, kSide), bytes}, stream, given...);
}

}  // namespace

void attention(Type type, const Attention& in, void* out, void* lse, Stream stream) {
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        with_columns(in.D, [&](auto columns) {
            constexpr int C = decltype(columns)::value, tile = tile_of<Wide<S>, C>(2);
            launch_tiles(attend<S, tile, C>, in.T, tile, in.H, in.B, bytes_of<Wide<S>, C>(tile, 2), stream, in, as<S>(out), as<Wide<S>>(lse));
        });
    });
    check("causal_attention");
}

void attention_backward(Type type, const Attention& in, const AttentionBackward& of, Stream stream) {
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        using W = Wide<S>;
        const auto *dout = as<S>(of.dout), *out = as<S>(of.out);
        const auto* lse = as<W>(of.lse);
        auto* delta = as<W>(of.delta);
        constexpr int rows = kThreads / 32;
        launch(
            attend_delta<S>, {static_cast<unsigned>((in.B * in.T * in.H + rows - 1) / rows), dim3(32, rows)}, stream, in, out, dout, delta);
        with_columns(in.D, [&](auto columns) {
            constexpr int C = decltype(columns)::value, tile = tile_of<W, C>(4);
            constexpr size_t bytes = bytes_of<W, C>(tile, 4);
            launch_tiles(attend_backward_queries<S, tile, C>, in.T, tile, in.H, in.B, bytes, stream, in, dout, lse, delta, as<S>(of.dq));
            launch_tiles(
                attend_backward_keys<S, tile, C>, in.S, tile, in.K, in.B, bytes, stream, in, dout, lse, delta, as<S>(of.dk), as<S>(of.dv));
        });
    });
    check("causal_attention");
}

}  // namespace evo::cuda
