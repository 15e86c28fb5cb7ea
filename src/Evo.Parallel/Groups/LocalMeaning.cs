using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// What each operation makes of the tensors of all ranks, computed at one place: one result for each rank, in memory of its
/// own and owned by no scope.
/// </summary>
internal static class LocalMeaning
{
    public static Tensor[] AllReduce(IReadOnlyList<Tensor> tensors, ReduceOperation operation) => Made(() =>
    {
        var sum = Reduced(tensors, operation);
        return [.. tensors.Select((_, rank) => rank == 0 ? sum : sum.clone())];
    });

    public static Tensor[] AllGather(IReadOnlyList<Tensor> tensors, int dim) => Made(() =>
    {
        var whole = cat([.. tensors], dim);
        return [.. tensors.Select((_, rank) => rank == 0 ? whole : whole.clone())];
    });

    public static Tensor[] ReduceScatter(IReadOnlyList<Tensor> tensors, int dim, IReadOnlyList<long> sizes, ReduceOperation operation) =>
        Made(() => [.. tensors.Select((_, rank) => Reduced(
            [.. tensors.Select(t => t.narrow(dim, Start(sizes, rank), sizes[rank]))], operation))]);

    public static Tensor[] AllToAll(IReadOnlyList<Tensor> tensors, int splitDim, int concatDim) => Made(() =>
    {
        var sizes = Shards.Sizes(tensors[0].shape[splitDim], tensors.Count);
        return [.. tensors.Select((_, rank) => cat(
            [.. tensors.Select(t => t.narrow(splitDim, Start(sizes, rank), sizes[rank]))], concatDim))];
    });

    public static Tensor[] AllToAllRows(IReadOnlyList<Tensor> tensors, IReadOnlyList<IReadOnlyList<long>> send) =>
        Made(() => [.. tensors.Select((_, rank) => cat(
            [.. tensors.Select((t, from) => t.narrow(0, Start(send[from], rank), send[from][rank]))], 0))]);

    public static Tensor[] Broadcast(IReadOnlyList<Tensor> tensors, int root) =>
        Made(() => [.. tensors.Select(_ => tensors[root].clone())]);

    public static Tensor Copy(Tensor x) => Made(() => [x.clone()])[0];

    // In the order of the ranks; types that lose digits in a sum are added in float32 and rounded once.
    public static Tensor Reduced(IReadOnlyList<Tensor> tensors, ReduceOperation operation)
    {
        var type = tensors[0].dtype;
        var sums = operation is ReduceOperation.Sum or ReduceOperation.Average;
        var wide = sums && type is ScalarType.BFloat16 or ScalarType.Float16 ? ScalarType.Float32 : type;
        var result = tensors[0].to_type(wide, copy: true);
        foreach (var next in tensors.Skip(1))
        {
            switch (operation)
            {
                case ReduceOperation.Max:
                    result = result.maximum(next);
                    break;
                case ReduceOperation.Min:
                    result = result.minimum(next);
                    break;
                default:
                    result.add_(next);
                    break;
            }
        }

        if (operation == ReduceOperation.Average)
        {
            result.div_(tensors.Count);
        }

        return result.to_type(type);
    }

    private static long Start(IReadOnlyList<long> sizes, int rank) => sizes.Take(rank).Sum();

    public static Tensor[] Made(Func<Tensor[]> make)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var results = make();
        scope.Detach(results);
        return results;
    }
}
