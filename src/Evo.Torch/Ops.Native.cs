// The fast side of Ops: kernels of native/kernels and native/cuda behind the operators of Operators/evo.txt, for tensors of one
// supported type on the CPU or, where Evo was built with a CUDA compiler, on one GPU.

using Evo.Torch.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

public static partial class Ops
{
    private static bool Takes(Tensor first, params ReadOnlySpan<Tensor> others)
    {
        if (!UseNative || !HasKernels(first.device_type, first.dtype))
            return false;
        foreach (var other in others)
            if (other.device_type != first.device_type || other.dtype != first.dtype)
                return false;
        return true;
    }

    private static bool HasKernels(DeviceType device, ScalarType dtype) => device switch
    {
        DeviceType.CPU => dtype is ScalarType.Float32 or ScalarType.Float64 or ScalarType.BFloat16,
        DeviceType.CUDA => CudaKernels.Any && dtype is ScalarType.Float32 or ScalarType.Float64 or ScalarType.BFloat16 or ScalarType.Float16,
        _ => false,
    };

    // Where gradients of weights wait: on a processor. On a GPU none is put off.
    private static WeightGradients? Later(Tensor x, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor?> biases) =>
        x.device_type == DeviceType.CPU ? DeferredLinear.Of(weights, biases) : null;

    static partial void NativeRmsNorm(Tensor x, Tensor weight, double eps, ref Tensor? result)
    {
        if (Takes(x, weight))
            result = EvoOperators.rms_norm(x, weight, eps);
    }

    static partial void NativeLayerNorm(Tensor x, Tensor weight, Tensor? bias, double eps, ref Tensor? result)
    {
        if (Takes(x, weight, bias ?? weight))
            result = EvoOperators.layer_norm(x, weight, bias, eps);
    }

    static partial void NativeAddRmsNorm(Tensor x, Tensor residual, Tensor weight, double eps, ref (Tensor, Tensor)? result)
    {
        if (Takes(x, residual, weight))
            result = EvoOperators.add_rms_norm(x, residual, weight, eps);
    }

    static partial void NativeAddLayerNorm(
        Tensor x, Tensor residual, Tensor weight, Tensor? bias, double eps, ref (Tensor, Tensor)? result)
    {
        if (Takes(x, residual, weight, bias ?? weight))
            result = EvoOperators.add_layer_norm(x, residual, weight, bias, eps);
    }

    static partial void NativePassRmsNorm(Tensor x, Tensor weight, double eps, ref (Tensor, Tensor)? result)
    {
        if (Takes(x, weight))
            result = EvoOperators.pass_rms_norm(x, weight, eps);
    }

    static partial void NativePassLayerNorm(Tensor x, Tensor weight, Tensor? bias, double eps, ref (Tensor, Tensor)? result)
    {
        if (Takes(x, weight, bias ?? weight))
            result = EvoOperators.pass_layer_norm(x, weight, bias, eps);
    }

    static partial void NativeHeadsApart(
        Tensor x, long heads, long kvHeads, bool grouped, Tensor? cos, Tensor? sin, ref Tensor[]? result)
    {
        if (Takes(x) && cos?.requires_grad is not true && sin?.requires_grad is not true)
        {
            var (q, k, v) = EvoOperators.heads(x, heads, kvHeads, grouped, cos, sin);
            result = [q, k, v];
        }
    }

    static partial void NativeActivation(Tensor x, Tensor? bias, bool gelu, ref Tensor? result)
    {
        if (Takes(x, bias ?? x))
            result = EvoOperators.activate(x, bias, gelu);
    }

    static partial void NativeGatedPair(Tensor pair, bool gelu, ref Tensor? result)
    {
        if (Takes(pair))
            result = EvoOperators.gated_pair(pair, gelu);
    }

    static partial void NativeGatedLinear(Tensor pair, bool gelu, Tensor weight, Tensor? bias, ref Tensor? result)
    {
        if (!Takes(pair, weight, bias ?? weight))
            return;
        if (Later(pair, [weight], [bias]) is { } later)
        {
            result = DeferredLinear.Apply(later, pair, [weight], [bias], gelu);
            return;
        }

        using var sum = GradientSums.Of(weight);
        using var biasSum = GradientSums.Of(bias);
        result = EvoOperators.gated_linear(pair, weight, bias, gelu, sum, biasSum);
    }

    // Where the weight's gradient is put off what it is made of is kept until then, and that is what the activation made.
    static partial void NativeActivatedLinear(Tensor x, Tensor? added, bool gelu, Tensor weight, Tensor? bias, ref Tensor? result)
    {
        if (!Takes(x, added ?? x, weight, bias ?? weight) || Later(x, [weight], [bias]) is not null)
            return;
        using var sum = GradientSums.Of(weight);
        using var biasSum = GradientSums.Of(bias);
        result = EvoOperators.activated_linear(x, added, weight, bias, gelu, sum, biasSum);
    }

    static partial void NativeRope(Tensor x, Tensor cos, Tensor sin, ref Tensor? result)
    {
        if (Takes(x) && !(cos.requires_grad || sin.requires_grad))
            result = EvoOperators.rope(x, cos, sin);
    }

    static partial void NativeGated(Tensor gate, Tensor up, bool gelu, ref Tensor? result)
    {
        if (Takes(gate, up))
            result = EvoOperators.gated(gate, up, gelu);
    }

    static partial void NativeDropout(Tensor x, DropoutMask mask, ref Tensor? result)
    {
        if (Takes(x))
            result = EvoOperators.dropout(x, mask.Rows, mask.Columns, mask.Share);
    }

    // On a GPU there is none against a cache.
    internal static bool TakesAttention(Tensor q, Tensor k, Tensor v, DropoutMask? dropout, Tensor? alibiSlopes)
    {
        var onGpu = q.device_type == DeviceType.CUDA;
        return Takes(q, k, v) && KeptAttention.Takes(onGpu, q.dtype, q.shape[3]) && (!onGpu || q.shape[1] == k.shape[1])
            && (dropout is null || (dropout.Rows.device_type == q.device_type && dropout.Columns.device_type == q.device_type));
    }

    static partial void NativeCausalAttention(
        Tensor q, Tensor k, Tensor v, double scale, Tensor? cuSeqlens, DropoutMask? dropout, long window, Tensor? alibiSlopes, SentBorders? sent,
        ref Tensor? result)
    {
        if (TakesAttention(q, k, v, dropout, alibiSlopes))
            result = EvoOperators.causal_attention(
                q, k, v, scale, sent?.Borders ?? cuSeqlens, window, alibiSlopes, sent?.Longest ?? 0, dropout?.Rows, dropout?.Columns, dropout?.Share ?? 0);
    }

    static partial void NativeEmbedding(Tensor ids, Tensor weight, ref Tensor? result)
    {
        if (Takes(weight) && ids.device_type == weight.device_type)
        {
            using var sum = GradientSums.Of(weight);
            result = EvoOperators.embedding(ids, weight, sum);
        }
    }

    static partial void NativeCrossEntropy(
        Tensor logits, Tensor labels, double labelSmoothing, double zLoss, ref (Tensor Sum, Tensor Right, Tensor ZSum)? loss)
    {
        if (Takes(logits) && labels.device_type == logits.device_type)
            loss = EvoOperators.cross_entropy(logits, labels, labelSmoothing, zLoss);
    }

    static partial void NativeLinearCrossEntropy(
        Tensor hidden, Tensor weight, Tensor labels, double labelSmoothing, double zLoss, ref (Tensor Sum, Tensor Right, Tensor ZSum)? loss)
    {
        if (Takes(hidden, weight) && labels.device_type == hidden.device_type)
        {
            using var sum = GradientSums.Of(weight);
            loss = EvoOperators.linear_cross_entropy(hidden, weight, labels, labelSmoothing, zLoss, sum);
        }
    }

    static partial void NativeLinear(Tensor x, Tensor weight, Tensor? bias, ref Tensor? result)
    {
        if (!Takes(x, weight, bias ?? weight))
            return;
        if (Later(x, [weight], [bias]) is { } later)
        {
            result = DeferredLinear.Apply(later, x, [weight], [bias]);
            return;
        }

        using var sum = GradientSums.Of(weight);
        using var biasSum = GradientSums.Of(bias);
        result = EvoOperators.linear(x, weight, bias, sum, biasSum);
    }

    static partial void NativeLinearMany(
        Tensor x, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor?> biases, ref Tensor? result)
    {
        if (!Takes(x, [.. weights, .. biases.OfType<Tensor>()]))
            return;
        result = Later(x, weights, biases) is { } later ? DeferredLinear.Apply(later, x, weights, biases) : StackedLinear.InPlace(x, weights, biases);
        // Others are copied into one matrix: on a GPU by libtorch's own graph, which costs its host less.
        if (result is null && x.device_type == DeviceType.CPU)
            result = StackedLinear.Apply(x, weights, biases);
    }

    static partial void NativeAdamW(
        Tensor master, Tensor gradient, Tensor expAvg, Tensor expAvgSq,
        double lr, double beta1, double beta2, double eps, double weightDecay,
        long step, double gradScale, Tensor? computeCopy, Tensor? gradFactor, ref bool done)
    {
        if (master.dtype == ScalarType.Int16 && !Takes(expAvg))
        {
            // The plain form knows whole numbers only.
            using var whole = WeightHalves.Join(computeCopy!, master);
            AdamW(whole, gradient, expAvg, expAvgSq, lr, beta1, beta2, eps, weightDecay, step, gradScale, null, gradFactor);
            WeightHalves.Part(whole, computeCopy!, master);
            done = true;
            return;
        }

        if (!Takes(expAvg, expAvgSq) || expAvg.dtype is ScalarType.BFloat16 or ScalarType.Float16 || !Takes(gradient)
            || (gradient.dtype == ScalarType.Float64) != (expAvg.dtype == ScalarType.Float64)
            || master.device_type != expAvg.device_type || (master.dtype != expAvg.dtype && master.dtype != ScalarType.Int16))
            return;
        EvoOperators.adamw_(
            master, gradient, expAvg, expAvgSq, computeCopy, lr, beta1, beta2, eps, weightDecay, step, gradScale, gradFactor);
        done = true;
    }

    static partial void NativeGlobalNormSquared(Tensor flat, ref Tensor? result)
    {
        if (Takes(flat))
            result = EvoOperators.sum_of_squares(flat);
    }
}
