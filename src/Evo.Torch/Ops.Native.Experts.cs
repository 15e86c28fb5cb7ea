// The fast side of Ops.ExpertRows.cs.

using Evo.Torch.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

public static partial class Ops
{
    // On a GPU libtorch's sort is the faster one, and the counts have to be read from there either way.
    static partial void NativeOrderByExpert(Tensor experts, long count, ref ExpertOrder? result)
    {
        if (!UseNative || experts.device_type != DeviceType.CPU || experts.dtype != ScalarType.Int64)
            return;
        var (pairs, places, counts) = EvoOperators.order_by_expert(experts, count);
        // The host reads, as it would have to from a GPU.
        using (counts)
        using (var read = counts.cpu())
            result = new(pairs, places, [.. read.data<long>()]);
    }

    static partial void NativePermuteToExperts(Tensor x, ExpertOrder order, int topK, ref Tensor? result)
    {
        if (Takes(x) && order.Places.device_type == x.device_type)
            result = EvoOperators.permute_to_experts(x, order.Places, topK, order.Kept);
    }

    // Products are libtorch's on a GPU, but one result and one gradient for all experts are worth it.
    static partial void NativeGroupedLinear(
        Tensor rows, IReadOnlyList<long> counts, Tensor weight, Tensor? second, ref Tensor? result)
    {
        if (!Takes(rows, weight, second ?? weight))
            return;
        using var sum = GradientSums.Of(weight);
        using var secondSum = GradientSums.Of(second);
        result = EvoOperators.grouped_linear(rows, [.. counts], weight, second, sum, secondSum);
    }

    static partial void NativeCombineExperts(Tensor rows, ExpertOrder order, Tensor weights, ref Tensor? result)
    {
        if (!Takes(rows) || order.Places.device_type != rows.device_type || weights.device_type != rows.device_type)
            return;
        using var scope = NewDisposeScope();
        result = EvoOperators.combine_experts(rows, order.Places, weights.to_type(Wide(rows.dtype))).MoveToOuterDisposeScope();
    }
}
