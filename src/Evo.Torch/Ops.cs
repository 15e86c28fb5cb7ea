// The operators that TorchSharp lacks and that emitted model code calls: one door, two ways behind it.
//
// Shapes: B batch, T tokens, S keys and values, H query heads, K key/value heads, D head size, C channels, V vocabulary, N = B * T.
// This file, Ops.Plain.cs, Ops.Fused.cs, Ops.Experts.cs and Ops.ExpertRows.cs name only public TorchSharp members: they compile against TorchSharp itself.
// Ops.Native.cs fills the partial methods below with kernels of our own.

using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>
/// Operators of a language model that TorchSharp has no name for. Each has a plain form, written in TorchSharp calls,
/// which defines its meaning, and on a CPU a native kernel with its own backward (see docs/kernels.md).
/// All are differentiable in their floating-point arguments except <see cref="AdamW"/> and <see cref="GlobalNormSquared"/>.
/// </summary>
public static partial class Ops
{
    /// <summary>The label of a token that the loss does not count.</summary>
    public const long IgnoredLabel = -100;

    /// <summary>
    /// Whether native kernels are used where one exists for the arguments (CPU tensors of float32, float64 or bfloat16).
    /// False takes the plain form everywhere. Process wide; a run sets it by its key <c>kernels</c>.
    /// </summary>
    public static bool UseNative { get; set; } = true;

    /// <summary>
    /// Root-mean-square norm over the last dimension: <c>weight * (x * rsqrt(mean(x^2) + eps))</c>. The statistics are float32
    /// (float64 for float64), the normalised value is rounded to x's type before it meets the weight, as Llama's norm does.
    /// </summary>
    /// <param name="x">[..., C]</param>
    /// <param name="weight">[C]</param>
    /// <param name="eps">Added to the mean of squares.</param>
    /// <param name="offset">
    /// Whether the gain is <c>1 + weight</c>, Gemma's form: then product and gain are taken in the statistics' type and rounded
    /// to x's type once, as its norm does.
    /// </param>
    /// <returns>[..., C], x's type.</returns>
    public static Tensor RmsNorm(Tensor x, Tensor weight, double eps, bool offset = false)
    {
        Tensor? fast = null;
        if (offset)
        {
            // One more rounding is none where the statistics have x's own type.
            if (x.dtype == Wide(x.dtype) && weight.dtype == x.dtype)
            {
                using var gain = weight + 1;
                return RmsNorm(x, gain, eps);
            }

            return PlainOffsetRmsNorm(x, weight, eps);
        }

        NativeRmsNorm(x, weight, eps, ref fast);
        return fast ?? PlainRmsNorm(x, weight, eps);
    }

    /// <summary>Layer norm over the last dimension.</summary>
    /// <param name="x">[..., C]</param>
    /// <param name="weight">[C]</param>
    /// <param name="bias">[C] or none.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <returns>[..., C], x's type.</returns>
    public static Tensor LayerNorm(Tensor x, Tensor weight, Tensor? bias, double eps)
    {
        Tensor? fast = null;
        NativeLayerNorm(x, weight, bias, eps, ref fast);
        return fast ?? PlainLayerNorm(x, weight, bias, eps);
    }

    /// <summary>
    /// Rotary position embedding that turns the first half of a head against the second (the NeoX and Hugging Face form):
    /// <c>x * cos + concat(-x2, x1) * sin</c>. The tables are constants: no gradient flows into them.
    /// </summary>
    /// <param name="x">[B, T, H, D], D even.</param>
    /// <param name="cos">[B or 1, T, D], already gathered by position; cast to x's type.</param>
    /// <param name="sin">As <paramref name="cos"/>.</param>
    /// <returns>[B, T, H, D], x's type.</returns>
    public static Tensor Rope(Tensor x, Tensor cos, Tensor sin)
    {
        Tensor? fast = null;
        NativeRope(x, cos, sin, ref fast);
        return fast ?? PlainRope(x, cos, sin);
    }

    /// <summary>The gated unit of Llama's MLP: <c>silu(gate) * up</c>.</summary>
    /// <param name="gate">Any shape.</param>
    /// <param name="up">The same shape and type.</param>
    /// <returns>The same shape and type.</returns>
    public static Tensor SiluMul(Tensor gate, Tensor up)
    {
        Tensor? fast = null;
        NativeGated(gate, up, false, ref fast);
        return fast ?? PlainSiluMul(gate, up);
    }

    /// <summary>The gated unit of Gemma's MLP: <c>gelu(gate) * up</c>, with the tanh form of GELU.</summary>
    /// <param name="gate">Any shape.</param>
    /// <param name="up">The same shape and type.</param>
    /// <returns>The same shape and type.</returns>
    public static Tensor GeluMul(Tensor gate, Tensor up)
    {
        Tensor? fast = null;
        NativeGated(gate, up, true, ref fast);
        return fast ?? PlainGeluMul(gate, up);
    }

    /// <summary>
    /// An activation by the name that a config.json gives it: silu, swish, gelu (exact), gelu_new and gelu_pytorch_tanh
    /// (the tanh form), relu.
    /// </summary>
    /// <param name="name">The name.</param>
    /// <param name="x">[..., C]</param>
    /// <param name="bias">[C], added to x first; or none.</param>
    /// <exception cref="ArgumentException">Another name; the message lists the legal ones.</exception>
    public static Tensor Activation(string name, Tensor x, Tensor? bias = null)
    {
        Tensor? fast = null;
        if (Logistic(name) is { } gelu)
            NativeActivation(x, bias, gelu, ref fast);
        return fast ?? PlainActivation(name, bias is null ? x : x + bias);
    }

    /// <summary>
    /// Causal attention. A query sees the keys at its own place and before it; with more keys than queries the queries are the
    /// last ones (query i stands at S - T + i), which is what a cache of keys and values needs. Fewer key/value heads than query
    /// heads are shared by groups of H / K neighbours and are never repeated in memory by the native form.
    /// The softmax is float32 (float64 for float64).
    /// </summary>
    /// <param name="q">[B, T, H, D]</param>
    /// <param name="k">[B, S, K, D], S ≥ T, K divides H.</param>
    /// <param name="v">[B, S, K, D]</param>
    /// <param name="scale">Multiplies the scores, usually 1/sqrt(D).</param>
    /// <param name="cuSeqlens">
    /// [sequences + 1], int32 or int64 on the CPU, rising from 0 to T: the borders of the sequences packed into one row (B = 1, S = T).
    /// A token sees its own sequence only.
    /// </param>
    /// <param name="dropout">Which attention weights are dropped, of rows [B, H, T] and columns [B or 1, S]; none when not training.</param>
    /// <param name="window">
    /// Tokens that a query sees at most, its own among them: key j is seen by query i where i - window &lt; j ≤ i. 0 for all.
    /// </param>
    /// <param name="alibiSlopes">
    /// [H], one for each query head: <c>slope * (j - i)</c> is added to the scaled score of query i and key j (Press et al. 2022);
    /// or none. A constant: no gradient flows into it.
    /// </param>
    /// <param name="sent">The borders where the tokens are, for a kernel that reads them there; none: each call sends them.</param>
    /// <returns>[B, T, H, D], q's type.</returns>
    /// <exception cref="ArgumentException">The shapes do not agree.</exception>
    public static Tensor CausalAttention(
        Tensor q, Tensor k, Tensor v, double scale, Tensor? cuSeqlens = null, DropoutMask? dropout = null, long window = 0,
        Tensor? alibiSlopes = null, SentBorders? sent = null)
    {
        CheckAttention(q, k, v, cuSeqlens);
        CheckBias(q, window, alibiSlopes);
        Tensor? fast = null;
        NativeCausalAttention(q, k, v, scale, cuSeqlens, dropout, window, alibiSlopes, sent, ref fast);
        return fast ?? PlainCausalAttention(q, k, v, scale, cuSeqlens, dropout, window, alibiSlopes);
    }

    /// <summary>
    /// Zero where the mask says so, and x / (1 − share) elsewhere. The same elements of a tensor are dropped however it is cut, on
    /// every device: see <see cref="DropoutMask"/>.
    /// </summary>
    /// <param name="x">[B, ..., C], floating.</param>
    /// <param name="mask">Of rows [B, ...] and columns [B or 1, C].</param>
    /// <returns>The shape and type of x.</returns>
    public static Tensor Dropout(Tensor x, DropoutMask mask)
    {
        if (mask.Share == 0)
            return x.alias();
        Tensor? fast = null;
        NativeDropout(x, mask, ref fast);
        return fast ?? PlainDropout(x, mask);
    }

    /// <summary>Rows of a table.</summary>
    /// <param name="ids">int64, any shape.</param>
    /// <param name="weight">[V, C]</param>
    /// <returns>The shape of ids with C appended.</returns>
    public static Tensor Embedding(Tensor ids, Tensor weight)
    {
        Tensor? fast = null;
        NativeEmbedding(ids, weight, ref fast);
        return fast ?? PlainEmbedding(ids, weight);
    }

    /// <summary>
    /// Cross entropy of logits, summed over the counted tokens, with label smoothing as <c>torch.nn.CrossEntropyLoss</c> defines it:
    /// (1 - s) * -log p(label) + s / V * sum of -log p. With it the z-loss (PaLM, section 5): z * log² Z of each counted token, Z the
    /// denominator of its softmax. Arithmetic in float32 (float64 for float64).
    /// </summary>
    /// <param name="logits">[N, V]</param>
    /// <param name="labels">[N], integers; <see cref="IgnoredLabel"/> is not counted.</param>
    /// <param name="labelSmoothing">s, from 0 to 1.</param>
    /// <param name="zLoss">z, at least 0.</param>
    /// <returns>
    /// The sum of both (a float32 or float64 scalar); the number of counted labels; how many of these were guessed right: no logit is
    /// above the label's, which may have its equals (int64 scalars, without gradient); and what part of the sum is z-loss (a scalar of its
    /// type, without gradient).
    /// </returns>
    public static (Tensor lossSum, Tensor count, Tensor right, Tensor zSum) CrossEntropy(
        Tensor logits, Tensor labels, double labelSmoothing = 0, double zLoss = 0)
    {
        (Tensor Sum, Tensor Right, Tensor ZSum)? fast = null;
        NativeCrossEntropy(logits, labels, labelSmoothing, zLoss, ref fast);
        var (sum, right, zSum) = fast ?? PlainCrossEntropy(logits, labels, labelSmoothing, zLoss);
        return (sum, CountedLabels(labels), right, zSum);
    }

    /// <summary>
    /// The output head and its cross entropy in one: <c>CrossEntropy(hidden · weightᵀ, labels)</c>. The native form works on a few
    /// hundred tokens at a time and never holds all logits.
    /// </summary>
    /// <param name="hidden">[N, C]</param>
    /// <param name="weight">[V, C]</param>
    /// <param name="labels">[N], integers; <see cref="IgnoredLabel"/> is not counted.</param>
    /// <param name="labelSmoothing">From 0 to 1.</param>
    /// <param name="zLoss">At least 0.</param>
    /// <returns>The sum, the counts and the part of the sum that is z-loss, as <see cref="CrossEntropy"/>.</returns>
    public static (Tensor lossSum, Tensor count, Tensor right, Tensor zSum) LinearCrossEntropy(
        Tensor hidden, Tensor weight, Tensor labels, double labelSmoothing = 0, double zLoss = 0)
    {
        (Tensor Sum, Tensor Right, Tensor ZSum)? fast = null;
        NativeLinearCrossEntropy(hidden, weight, labels, labelSmoothing, zLoss, ref fast);
        var (sum, right, zSum) = fast ?? PlainLinearCrossEntropy(hidden, weight, labels, labelSmoothing, zLoss);
        return (sum, CountedLabels(labels), right, zSum);
    }

    /// <summary>
    /// <c>x · weightᵀ + bias</c>: <c>torch.nn.functional.linear</c>, by the fastest matrix product at hand for the shape.
    /// </summary>
    /// <param name="x">[..., C]</param>
    /// <param name="weight">[O, C]</param>
    /// <param name="bias">[O] or none.</param>
    /// <returns>[..., O]</returns>
    public static Tensor Linear(Tensor x, Tensor weight, Tensor? bias = null)
    {
        Tensor? fast = null;
        NativeLinear(x, weight, bias, ref fast);
        return fast ?? PlainLinear(x, weight, bias);
    }

    /// <summary>
    /// Several linears that read the same x, as one matrix product: their results one after the other in the last dimension
    /// (<c>split</c> takes them apart at the cost of one concatenation in the backward; <c>narrow</c> costs one for each). The backward
    /// is one product for dx and one for all weights. Weights that lie one behind the other in one storage, as in a flat
    /// parameter buffer, are not copied by the native form.
    /// </summary>
    /// <param name="x">[..., C]</param>
    /// <param name="weights">Each [O, C], its own O.</param>
    /// <param name="biases">As many as weights, each [O] or none.</param>
    /// <returns>[..., sum of O]</returns>
    /// <exception cref="ArgumentException">No weight, or not as many biases.</exception>
    public static Tensor LinearMany(Tensor x, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor?> biases)
    {
        if (weights.Count == 0 || biases.Count != weights.Count)
            throw new ArgumentException(
                $"LinearMany: {weights.Count} weights and {biases.Count} biases; it needs at least one weight and a bias or null for each.");
        if (weights.Count == 1)
            return Linear(x, weights[0], biases[0]);
        Tensor? fast = null;
        NativeLinearMany(x, weights, biases, ref fast);
        return fast ?? PlainLinearMany(x, weights, biases);
    }

    /// <summary>
    /// Each row over its Euclidean length: <c>w / max(|w|, 1e-12)</c>, as <c>torch.nn.functional.normalize</c> does. A head of such
    /// rows scores directions only.
    /// </summary>
    /// <param name="weight">[V, C]; lengths are taken in float32 (float64 for float64).</param>
    /// <returns>[V, C], weight's type.</returns>
    public static Tensor UnitRows(Tensor weight) => PlainUnitRows(weight);

    /// <summary>
    /// One step of AdamW, in place over flat buffers of one length, with PyTorch's arithmetic (decoupled decay, bias correction,
    /// eps outside the square root).
    /// </summary>
    /// <param name="master">
    /// Parameters, float32 or float64; or int16: their lower halves, whose upper ones are <paramref name="computeCopy"/>, of bfloat16
    /// (<see cref="WeightHalves"/>), with moments of float32.
    /// </param>
    /// <param name="gradient">Gradients, any floating type; read only.</param>
    /// <param name="expAvg">First moment, the type of the parameters.</param>
    /// <param name="expAvgSq">Second moment, the type of the parameters.</param>
    /// <param name="lr">Learning rate.</param>
    /// <param name="beta1">Decay of the first moment.</param>
    /// <param name="beta2">Decay of the second moment.</param>
    /// <param name="eps">Added to the root of the second moment.</param>
    /// <param name="weightDecay">Decoupled decay: parameters shrink by lr * weightDecay first.</param>
    /// <param name="step">The number of this step, from 1.</param>
    /// <param name="gradScale">Multiplies the gradients before use (clipping, averaging).</param>
    /// <param name="computeCopy">Receives the new parameters, cast to its type; or none.</param>
    /// <param name="gradFactor">
    /// A float64 scalar where the buffers are, which multiplies the gradients, too. If it is not finite, nothing is written: no bit of
    /// parameters, moments or copy changes. That is decided where it lies, so that nobody waits for it.
    /// </param>
    public static void AdamW(
        Tensor master, Tensor gradient, Tensor expAvg, Tensor expAvgSq,
        double lr, double beta1, double beta2, double eps, double weightDecay,
        long step, double gradScale, Tensor? computeCopy, Tensor? gradFactor = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(step, 1);
        using var noGrad = no_grad();
        var done = false;
        NativeAdamW(master, gradient, expAvg, expAvgSq, lr, beta1, beta2, eps, weightDecay, step, gradScale, computeCopy, gradFactor, ref done);
        if (!done)
            PlainAdamW(master, gradient, expAvg, expAvgSq, lr, beta1, beta2, eps, weightDecay, step, gradScale, computeCopy, gradFactor);
    }

    /// <summary>
    /// The sum of squares of a flat buffer, summed in float64 over blocks of a fixed size: the same bits on every run,
    /// whatever the number of threads. A not-finite element makes it not finite.
    /// </summary>
    /// <param name="flat">Any floating type and length.</param>
    /// <returns>A float64 scalar.</returns>
    public static Tensor GlobalNormSquared(Tensor flat)
    {
        using var noGrad = no_grad();
        Tensor? fast = null;
        NativeGlobalNormSquared(flat, ref fast);
        return fast ?? PlainGlobalNormSquared(flat);
    }

    private static Tensor CountedLabels(Tensor labels)
    {
        using var counted = labels.ne(IgnoredLabel);
        return counted.sum();
    }

    private static void CheckAttention(Tensor q, Tensor k, Tensor v, Tensor? cuSeqlens)
    {
        long[] qs = q.shape, ks = k.shape, vs = v.shape;
        if (qs.Length != 4 || ks.Length != 4 || !ks.AsSpan().SequenceEqual(vs)
            || qs[0] != ks[0] || qs[3] != ks[3] || ks[1] < qs[1] || ks[2] == 0 || qs[2] % ks[2] != 0)
            throw new ArgumentException(
                $"CausalAttention: q [{string.Join(", ", qs)}], k [{string.Join(", ", ks)}], v [{string.Join(", ", vs)}]: "
                + "q is [B, T, H, D], k and v are [B, S, K, D] with S ≥ T and H a multiple of K.");
        if (cuSeqlens is not null && (qs[0] != 1 || qs[1] != ks[1] || cuSeqlens.dim() != 1 || cuSeqlens.shape[0] < 2))
            throw new ArgumentException(
                $"CausalAttention: cuSeqlens [{string.Join(", ", cuSeqlens.shape)}] with q [{string.Join(", ", qs)}] and "
                + $"k [{string.Join(", ", ks)}]: packed sequences need B = 1, S = T and at least two borders.");
    }

    private static void CheckBias(Tensor q, long window, Tensor? alibiSlopes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(window);
        if (alibiSlopes is not null && (alibiSlopes.dim() != 1 || alibiSlopes.shape[0] != q.shape[2]))
            throw new ArgumentException(
                $"CausalAttention: alibiSlopes [{string.Join(", ", alibiSlopes.shape)}] with {q.shape[2]} query heads: one slope for "
                + "each head is needed.");
    }

    static partial void NativeRmsNorm(Tensor x, Tensor weight, double eps, ref Tensor? result);

    static partial void NativeLayerNorm(Tensor x, Tensor weight, Tensor? bias, double eps, ref Tensor? result);

    static partial void NativeActivation(Tensor x, Tensor? bias, bool gelu, ref Tensor? result);

    static partial void NativeRope(Tensor x, Tensor cos, Tensor sin, ref Tensor? result);

    static partial void NativeGated(Tensor gate, Tensor up, bool gelu, ref Tensor? result);

    static partial void NativeDropout(Tensor x, DropoutMask mask, ref Tensor? result);

    static partial void NativeCausalAttention(
        Tensor q, Tensor k, Tensor v, double scale, Tensor? cuSeqlens, DropoutMask? dropout, long window, Tensor? alibiSlopes, SentBorders? sent,
        ref Tensor? result);

    static partial void NativeEmbedding(Tensor ids, Tensor weight, ref Tensor? result);

    static partial void NativeCrossEntropy(
        Tensor logits, Tensor labels, double labelSmoothing, double zLoss, ref (Tensor Sum, Tensor Right, Tensor ZSum)? loss);

    static partial void NativeLinearCrossEntropy(
        Tensor hidden, Tensor weight, Tensor labels, double labelSmoothing, double zLoss, ref (Tensor Sum, Tensor Right, Tensor ZSum)? loss);

    static partial void NativeLinear(Tensor x, Tensor weight, Tensor? bias, ref Tensor? result);

    static partial void NativeLinearMany(
        Tensor x, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor?> biases, ref Tensor? result);

    static partial void NativeAdamW(
        Tensor master, Tensor gradient, Tensor expAvg, Tensor expAvgSq,
        double lr, double beta1, double beta2, double eps, double weightDecay,
        long step, double gradScale, Tensor? computeCopy, Tensor? gradFactor, ref bool done);

    static partial void NativeGlobalNormSquared(Tensor flat, ref Tensor? result);
}
