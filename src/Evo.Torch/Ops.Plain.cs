// The meaning of every operator of Ops, in TorchSharp calls and nothing else: the fallback, and what the kernels are tested against.

using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Evo.Torch;

public static partial class Ops
{
    private static ScalarType Wide(ScalarType type) => type == ScalarType.Float64 ? type : ScalarType.Float32;

    private static Tensor PlainRmsNorm(Tensor x, Tensor weight, double eps)
    {
        using var scope = NewDisposeScope();
        var wide = x.to_type(Wide(x.dtype));
        var inverse = (wide.square().mean([-1L], keepdim: true) + eps).rsqrt();
        return ((wide * inverse).to_type(x.dtype) * weight.to_type(x.dtype)).MoveToOuterDisposeScope();
    }

    private static Tensor PlainOffsetRmsNorm(Tensor x, Tensor weight, double eps)
    {
        using var scope = NewDisposeScope();
        var wide = x.to_type(Wide(x.dtype));
        var inverse = (wide.square().mean([-1L], keepdim: true) + eps).rsqrt();
        return (wide * inverse * (weight.to_type(wide.dtype) + 1)).to_type(x.dtype).MoveToOuterDisposeScope();
    }

    private static Tensor PlainUnitRows(Tensor weight)
    {
        using var scope = NewDisposeScope();
        var wide = weight.to_type(Wide(weight.dtype));
        // The bound stands before the root: the root of zero has no gradient, and rows that fill up a share are zero.
        var length = wide.square().sum([-1L], keepdim: true).clamp_min(1e-24).sqrt();
        return (wide / length).to_type(weight.dtype).MoveToOuterDisposeScope();
    }

    private static Tensor PlainLayerNorm(Tensor x, Tensor weight, Tensor? bias, double eps) =>
        nn.functional.layer_norm(x, [x.shape[^1]], weight, bias, eps);

    private static Tensor PlainRope(Tensor x, Tensor cos, Tensor sin)
    {
        using var scope = NewDisposeScope();
        var half = x.shape[^1] / 2;
        var first = x.narrow(-1, 0, half);
        var second = x.narrow(-1, half, half);
        var turned = cat([second.neg(), first], -1);
        return (x * cos.to_type(x.dtype).unsqueeze(2) + turned * sin.to_type(x.dtype).unsqueeze(2)).MoveToOuterDisposeScope();
    }

    private static Tensor PlainSiluMul(Tensor gate, Tensor up)
    {
        using var active = nn.functional.silu(gate);
        return active * up;
    }

    private static Tensor PlainGeluMul(Tensor gate, Tensor up)
    {
        using var active = nn.functional.gelu(gate, GELU.Approximate.tanh);
        return active * up;
    }

    private static Tensor PlainActivation(string name, Tensor x) => name switch
    {
        "silu" or "swish" => nn.functional.silu(x),
        "gelu" => nn.functional.gelu(x),
        "gelu_new" or "gelu_pytorch_tanh" => nn.functional.gelu(x, GELU.Approximate.tanh),
        "relu" => nn.functional.relu(x),
        _ => throw new ArgumentException(
            $"activation \"{name}\" is not known; use silu, swish, gelu, gelu_new, gelu_pytorch_tanh or relu.", nameof(name)),
    };

    private static Tensor PlainCausalAttention(
        Tensor q, Tensor k, Tensor v, double scale, Tensor? cuSeqlens, DropoutMask? dropout, long window, Tensor? alibiSlopes)
    {
        if (cuSeqlens is null)
            return PlainDenseAttention(q, k, v, scale, dropout, window, alibiSlopes);

        using var scope = NewDisposeScope();
        var borders = cuSeqlens.to_type(ScalarType.Int64);
        var parts = new List<Tensor>();
        for (long i = 0; i + 1 < borders.shape[0]; i++)
        {
            long start = borders[i].item<long>(), length = borders[i + 1].item<long>() - start;
            if (length > 0)
                parts.Add(PlainDenseAttention(
                    q.narrow(1, start, length), k.narrow(1, start, length), v.narrow(1, start, length), scale,
                    dropout?.Narrow(start, length), window, alibiSlopes));
        }

        return (parts.Count == 0 ? q.clone() : cat(parts.ToArray(), 1)).MoveToOuterDisposeScope();
    }

    private static Tensor PlainDenseAttention(
        Tensor q, Tensor k, Tensor v, double scale, DropoutMask? dropout, long window, Tensor? alibiSlopes)
    {
        using var scope = NewDisposeScope();
        long batch = q.shape[0], tokens = q.shape[1], heads = q.shape[2], size = q.shape[3];
        long keys = k.shape[1], kvHeads = k.shape[2], group = heads / kvHeads;

        // The query heads of one key/value head stand under one another, so that no key or value is repeated.
        var q_BKND = q.reshape(batch, tokens, kvHeads, group, size).permute(0, 2, 3, 1, 4).reshape(batch, kvHeads, group * tokens, size);
        var k_BKDS = k.permute(0, 2, 3, 1);
        var v_BKSD = v.permute(0, 2, 1, 3);
        var scores = (q_BKND.matmul(k_BKDS) * scale).reshape(batch, kvHeads, group, tokens, keys);
        if (alibiSlopes is not null)
        {
            var wide = Wide(q.dtype);
            var distance = arange(keys, wide, q.device) - arange(keys - tokens, keys, wide, q.device).unsqueeze(1);
            scores = scores.to_type(wide) + alibiSlopes.detach().to_type(wide).view(1, kvHeads, group, 1, 1) * distance;
        }

        if (tokens > 1)
        {
            var unseen = ones([tokens, keys], ScalarType.Bool, q.device).triu(keys - tokens + 1);
            scores = scores.masked_fill(unseen, double.NegativeInfinity);
        }

        if (window > 0 && window < keys)
        {
            var gone = ones([tokens, keys], ScalarType.Bool, q.device).tril(keys - tokens - window);
            scores = scores.masked_fill(gone, double.NegativeInfinity);
        }

        var weights = scores.softmax(-1, Wide(q.dtype)).to_type(q.dtype);
        if (dropout is not null)
            weights = Dropout(weights.reshape(batch, heads, tokens, keys), dropout);
        var out_BKND = weights.reshape(batch, kvHeads, group * tokens, keys).matmul(v_BKSD);
        return out_BKND.reshape(batch, kvHeads, group, tokens, size).permute(0, 3, 1, 2, 4)
            .reshape(batch, tokens, heads, size).MoveToOuterDisposeScope();
    }

    private static Tensor PlainDropout(Tensor x, DropoutMask mask)
    {
        using var scope = NewDisposeScope();
        return (x.to_type(Wide(x.dtype)) * (1 / (1 - mask.Share))).to_type(x.dtype).masked_fill(mask.Dropped(), 0).MoveToOuterDisposeScope();
    }

    private static Tensor PlainEmbedding(Tensor ids, Tensor weight)
    {
        using var scope = NewDisposeScope();
        return weight.index_select(0, ids.reshape(-1)).reshape([.. ids.shape, weight.shape[1]]).MoveToOuterDisposeScope();
    }

    private static (Tensor Sum, Tensor Right, Tensor ZSum) PlainCrossEntropy(Tensor logits, Tensor labels, double labelSmoothing, double zLoss)
    {
        if (!(zLoss >= 0 && double.IsFinite(zLoss)))
            throw new ArgumentException($"CrossEntropy: z_loss = {zLoss} must be a finite number that is not below 0", nameof(zLoss));
        using var scope = NewDisposeScope();
        var wide = logits.to_type(Wide(logits.dtype));
        var label = labels.to_type(ScalarType.Int64);
        var sum = nn.functional.cross_entropy(
            wide, label, ignore_index: IgnoredLabel, reduction: nn.Reduction.Sum, label_smoothing: labelSmoothing);
        var own = wide.detach().gather(1, label.clamp_min(0).unsqueeze(1)).squeeze(1);
        var right = own.ge(wide.detach().amax([1L])).logical_and(label.ne(IgnoredLabel)).sum();
        var zSum = zLoss > 0
            ? wide.logsumexp(1L).square().masked_fill(label.eq(IgnoredLabel), 0).sum() * zLoss
            : zeros([], wide.dtype, wide.device);
        sum = sum + zSum;
        return (sum.MoveToOuterDisposeScope(), right.MoveToOuterDisposeScope(), zSum.detach().MoveToOuterDisposeScope());
    }

    private static (Tensor Sum, Tensor Right, Tensor ZSum) PlainLinearCrossEntropy(
        Tensor hidden, Tensor weight, Tensor labels, double labelSmoothing, double zLoss)
    {
        using var logits = nn.functional.linear(hidden, weight);
        return PlainCrossEntropy(logits, labels, labelSmoothing, zLoss);
    }

    private static Tensor PlainLinear(Tensor x, Tensor weight, Tensor? bias) => nn.functional.linear(x, weight, bias);

    private static Tensor PlainLinearMany(Tensor x, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor?> biases)
    {
        using var scope = NewDisposeScope();
        var weight = cat(weights.ToArray(), 0);
        var bias = biases.All(b => b is null)
            ? null
            : cat(weights.Zip(biases, (w, b) => b ?? zeros([w.shape[0]], w.dtype, w.device)).ToArray(), 0);
        return nn.functional.linear(x, weight, bias).MoveToOuterDisposeScope();
    }

    private static void PlainAdamW(
        Tensor master, Tensor gradient, Tensor expAvg, Tensor expAvgSq,
        double lr, double beta1, double beta2, double eps, double weightDecay,
        long step, double gradScale, Tensor? computeCopy, Tensor? gradFactor)
    {
        using var scope = NewDisposeScope();
        var wide = gradient.to_type(master.dtype);
        var scaled = gradFactor is null ? wide * gradScale : wide * (gradFactor * gradScale).to_type(master.dtype);
        var mean = expAvg.mul(beta1).add_(scaled, 1 - beta1);
        var square = expAvgSq.mul(beta2).addcmul_(scaled, scaled, 1 - beta2);
        var root = square.sqrt().div_(Math.Sqrt(1 - Math.Pow(beta2, step))).add_(eps);
        var moved = master.mul(1 - lr * weightDecay).addcdiv_(mean, root, -lr / (1 - Math.Pow(beta1, step)));
        var taken = gradFactor?.isfinite();
        Write(expAvg, mean);
        Write(expAvgSq, square);
        Write(master, moved);
        if (computeCopy is not null)
            Write(computeCopy, moved.to_type(computeCopy.dtype));

        void Write(Tensor old, Tensor written) => old.copy_(taken is null ? written : where(taken, written, old));
    }

    private static Tensor PlainGlobalNormSquared(Tensor flat)
    {
        const long Block = 1 << 20; // float64 copies of one block at a time, not of the whole buffer
        using var scope = NewDisposeScope();
        var total = zeros([], ScalarType.Float64, flat.device);
        var line = flat.reshape(-1);
        for (long start = 0; start < line.shape[0]; start += Block)
        {
            using var inner = NewDisposeScope();
            total.add_(line.narrow(0, start, Math.Min(Block, line.shape[0] - start)).to_type(ScalarType.Float64).square().sum());
        }

        return total.MoveToOuterDisposeScope();
    }
}
