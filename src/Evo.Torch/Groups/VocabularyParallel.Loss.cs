// The head and its cross entropy over a sharded vocabulary: no rank holds all logits of a token, nor its own of all tokens.
using Evo.Torch.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

public static partial class VocabularyParallel
{
    /// <summary>
    /// <see cref="Ops.LinearCrossEntropy"/> of the whole head. Two collectives, both in the forward: the largest logit of each
    /// token, then the sums. The backward computes the logits again, a chunk of tokens at a time, and sends nothing.
    /// </summary>
    /// <param name="group">The ranks among which the head is cut.</param>
    /// <param name="hidden">[N, C], replicated; its gradient is partial.</param>
    /// <param name="weightShard">[ceil(V / n), C], or this rank's valid rows alone.</param>
    /// <param name="labels">[N], integers, the same on all ranks; <see cref="Ops.IgnoredLabel"/> is not counted.</param>
    /// <param name="vocabulary">V.</param>
    /// <param name="labelSmoothing">From 0 to 1.</param>
    /// <param name="zLoss">At least 0.</param>
    /// <param name="site">The place.</param>
    /// <returns>
    /// The sum, invariant: the same bits on all ranks; the number of counted labels; how many of these no logit of any rank is above; and
    /// what part of the sum is z-loss, as invariant.
    /// </returns>
    public static (Tensor lossSum, Tensor count, Tensor right, Tensor zSum) LinearCrossEntropy(
        ProcessGroup group, Tensor hidden, Tensor weightShard, Tensor labels, long vocabulary, double labelSmoothing, double zLoss, int site)
    {
        var (start, valid) = Block(group, weightShard, vocabulary);
        if (hidden.dim() != 2 || hidden.shape[1] != weightShard.shape[1] || hidden.dtype != weightShard.dtype
            || labels.dim() != 1 || labels.shape[0] != hidden.shape[0] || labelSmoothing is not (>= 0 and <= 1)
            || !(zLoss >= 0 && double.IsFinite(zLoss)))
            throw new ArgumentException(
                $"VocabularyParallel.LinearCrossEntropy: hidden [{string.Join(", ", hidden.shape)}] {hidden.dtype}, shard "
                + $"[{string.Join(", ", weightShard.shape)}] {weightShard.dtype}, labels [{string.Join(", ", labels.shape)}], smoothing "
                + $"{labelSmoothing}, z-loss {zLoss}: they are [N, C] and [rows, C] of one type, [N], one from 0 to 1, and one from 0 on.");
        CheckIndices(labels, vocabulary, nameof(LinearCrossEntropy), mayBeIgnored: true);
        var head = new Head(group, start, valid, vocabulary, labelSmoothing, zLoss, new(site, false));
        using var counted = labels.ne(Ops.IgnoredLabel);
        var count = counted.sum();
        if (is_grad_enabled() && (hidden.requires_grad || weightShard.requires_grad))
        {
            var outputs = LossFunction.apply(hidden, weightShard, labels, head);
            return (outputs[0], count, outputs[1], outputs[2]);
        }

        using var quiet = no_grad();
        var (loss, right, zSum, logSum) = head.Loss(hidden, weightShard, labels);
        logSum.Dispose();
        return (loss, count, right, zSum);
    }

    /// <summary>This rank's part of the head, and what it does with a chunk of tokens.</summary>
    private sealed record Head(ProcessGroup Group, long Start, long Valid, long Vocabulary, double Smoothing, double ZLoss, Site Site)
    {
        /// <summary>
        /// The summed loss, the number of right labels, the part of the loss that is z-loss, and for each token the logarithm of the sum
        /// of exponentials over the whole vocabulary.
        /// </summary>
        public (Tensor Loss, Tensor Right, Tensor ZSum, Tensor LogSum) Loss(Tensor hidden, Tensor weightShard, Tensor labels)
        {
            using var scope = NewDisposeScope();
            var wide = Wide(hidden.dtype);
            var tokens = hidden.shape[0];
            var largest = full([tokens], double.NegativeInfinity, wide, hidden.device);
            // Rows: sum of exponentials, logit of the label, sum of logits (for the smoothing).
            var sums = zeros([Smoothing > 0 ? 3 : 2, tokens], wide, hidden.device);
            foreach (var (first, length) in Chunks(hidden))
            {
                using var chunk = NewDisposeScope();
                var logits = Logits(hidden.narrow(0, first, length), weightShard);
                var (own, at) = Own(labels.narrow(0, first, length));
                sums[1].narrow(0, first, length).copy_(logits.gather(1, at.unsqueeze(1)).squeeze(1).mul_(own.to_type(wide)));
                if (Smoothing > 0)
                    sums[2].narrow(0, first, length).copy_(logits.sum([1L]));
                var top = logits.amax([1L]);
                largest.narrow(0, first, length).copy_(top);
                sums[0].narrow(0, first, length).copy_(logits.sub_(top.unsqueeze(1)).exp_().sum([1L]));
            }

            var largestOfAll = Group.AllReduce(largest, ReduceOperation.Max, Site);
            sums[0].mul_((largest - largestOfAll).exp_());
            var sumsOfAll = Group.AllReduce(sums, ReduceOperation.Sum, Site);
            var logSum = sumsOfAll[0].log() + largestOfAll;
            var losses = logSum - sumsOfAll[1] * (1 - Smoothing);
            if (Smoothing > 0)
                losses = losses - sumsOfAll[2] * (Smoothing / Vocabulary);
            var ignored = labels.eq(Ops.IgnoredLabel);
            Tensor Counted(Tensor ofTokens) => ofTokens.masked_fill(ignored, 0).sum(ScalarType.Float64);
            var zSum = ZLoss > 0 ? Counted(logSum.square()) * ZLoss : zeros([], ScalarType.Float64, hidden.device);
            var loss = (Counted(losses) + zSum).to_type(wide);
            // All ranks but the label's add zeros to its logit: the sum is the logit's own bits.
            var right = sumsOfAll[1].ge(largestOfAll).masked_fill(ignored, false).sum();
            return (
                loss.MoveToOuterDisposeScope(), right.MoveToOuterDisposeScope(), zSum.to_type(wide).MoveToOuterDisposeScope(),
                logSum.MoveToOuterDisposeScope());
        }

        /// <summary>The gradients of the hidden states (partial) and of the shard; null where not asked for.</summary>
        public (Tensor? Hidden, Tensor? Weight) Gradients(
            Tensor lossGradient, Tensor hidden, Tensor weightShard, Tensor labels, Tensor logSum, bool ofHidden, bool ofWeight)
        {
            using var scope = NewDisposeScope();
            var wide = Wide(hidden.dtype);
            var dHidden = ofHidden ? zeros_like(hidden) : null;
            var dWeight = ofWeight ? zeros(weightShard.shape, wide, weightShard.device) : null;
            var weight = weightShard.narrow(0, 0, Valid).contiguous();
            var each = (lossGradient.to_type(wide) * labels.ne(Ops.IgnoredLabel).to_type(wide)).unsqueeze(1);
            // The logarithm of the denominator is in the loss once, and in the z-loss squared.
            var ofLogSum = ZLoss > 0 ? each * (logSum.unsqueeze(1) * (2 * ZLoss) + 1) : each;
            foreach (var (first, length) in Chunks(hidden))
            {
                using var chunk = NewDisposeScope();
                var h = hidden.narrow(0, first, length).contiguous();
                var d = Logits(h, weightShard).sub_(logSum.narrow(0, first, length).unsqueeze(1)).exp_().mul_(ofLogSum.narrow(0, first, length));
                var counted = each.narrow(0, first, length);
                if (Smoothing > 0)
                    d.sub_(counted * (Smoothing / Vocabulary));
                var (own, at) = Own(labels.narrow(0, first, length));
                d.scatter_add_(1, at.unsqueeze(1), own.to_type(wide).unsqueeze(1) * counted * (Smoothing - 1));
                var gradient = d.to_type(hidden.dtype);
                dHidden?.narrow(0, first, length).copy_(EvoOperators.product(gradient, false, weight, false));
                dWeight?.narrow(0, 0, Valid).add_(EvoOperators.product(gradient, true, h, false));
            }

            return (dHidden?.MoveToOuterDisposeScope(), dWeight?.to_type(weightShard.dtype).MoveToOuterDisposeScope());
        }

        private static ScalarType Wide(ScalarType type) => type == ScalarType.Float64 ? type : ScalarType.Float32;

        // A rank without valid rows has no chunk: its sums stay zero.
        private IEnumerable<(long First, long Length)> Chunks(Tensor hidden)
        {
            if (Valid == 0)
                yield break;
            var tokens = hidden.shape[0];
            var length = HeadChunk.Tokens(tokens, Valid, hidden.device_type == DeviceType.CUDA);
            for (long first = 0; first < tokens; first += length)
                yield return (first, Math.Min(length, tokens - first));
        }

        private Tensor Logits(Tensor h, Tensor weightShard) =>
            EvoOperators.product(h.contiguous(), false, weightShard.narrow(0, 0, Valid).contiguous(), true).to_type(Wide(h.dtype));

        /// <summary>Which labels are this rank's, and their column here (0 for those that are not).</summary>
        private (Tensor Own, Tensor At) Own(Tensor labels)
        {
            var at = labels.to_type(ScalarType.Int64) - Start;
            var own = at.ge(0).logical_and(at.lt(Valid)).logical_and(labels.ne(Ops.IgnoredLabel));
            return (own, at.masked_fill(own.logical_not(), 0));
        }
    }

    private sealed class LossFunction : autograd.MultiTensorFunction<LossFunction>
    {
        private Head? head;
        private bool ofHidden, ofWeight;

        public override string Name => nameof(LinearCrossEntropy);

        public override List<Tensor> forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var (hidden, weight, labels) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor)vars[2]);
            head = (Head)vars[3];
            (ofHidden, ofWeight) = (hidden.requires_grad, weight.requires_grad);
            var (loss, right, zSum, logSum) = head.Loss(hidden, weight, labels);
            ctx.save_for_backward([hidden, weight, labels, logSum]);
            ctx.mark_non_differentiable([right, zSum]);
            logSum.Dispose();
            return [loss, right, zSum];
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, List<Tensor> grad_outputs)
        {
            var saved = ctx.get_saved_variables();
            var (hidden, weight) = head!.Gradients(grad_outputs[0], saved[0], saved[1], saved[2], saved[3], ofHidden, ofWeight);
            return [hidden!, weight!, null!, null!];
        }
    }
}
