// A dimension cut among the ranks of a group: whole to shard and back.
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

public static partial class Collective
{
    /// <summary>One dimension and the lengths of its shards, which the first tensor seen fixes where they are not given.</summary>
    private sealed class Cut(ProcessGroup group, int dim, IReadOnlyList<long>? sizes)
    {
        private IReadOnlyList<long>? sizes = sizes;

        /// <summary>The exception of a shard whose length is not the one that it should have.</summary>
        public static void Check(ProcessGroup group, int dim, long found, IReadOnlyList<long> sizes, int site)
        {
            if (sizes.Count != group.Size || sizes[group.Rank] != found)
                throw new ArgumentException(
                    $"axis {group.Axis}, site {site}, rank {group.Ranks[group.Rank]}: the shard has {found} along dimension {dim}, "
                    + $"and the shards are [{string.Join(", ", sizes)}]; give the lengths of all shards where they are not ceil(total / {group.Size}).");
        }

        public Tensor Gather(Tensor shard, Site site)
        {
            var whole = group.AllGather(shard, dim, site);
            Check(group, dim, shard.shape[dim], Sizes(whole), site.Number);
            return whole;
        }

        public Tensor ReduceScatter(Tensor whole, Site site) =>
            group.ReduceScatter(whole, dim, Sizes(whole), ReduceOperation.Sum, site);

        /// <summary>As <see cref="Gather"/>, of a shard whose length has been seen to be right.</summary>
        public PendingTensor StartGather(Tensor shard, Site site) => group.StartAllGather(shard, dim, site);

        public PendingTensor StartReduceScatter(Tensor whole, Site site) =>
            group.StartReduceScatter(whole, dim, Sizes(whole), ReduceOperation.Sum, site);

        /// <summary>This rank's part, in memory of its own: a view would keep the whole alive.</summary>
        public Tensor Own(Tensor whole)
        {
            using var part = whole.narrow(dim, Start(Sizes(whole)), Sizes(whole)[group.Rank]);
            return part.clone();
        }

        /// <summary>A whole tensor that is zero but for this rank's part.</summary>
        public Tensor Pad(Tensor part)
        {
            var shape = part.shape;
            shape[dim] = sizes!.Sum();
            var whole = zeros(shape, part.dtype, part.device);
            using var own = whole.narrow(dim, Start(sizes!), sizes![group.Rank]);
            own.copy_(part);
            return whole;
        }

        private long Start(IReadOnlyList<long> all) => all.Take(group.Rank).Sum();

        private IReadOnlyList<long> Sizes(Tensor whole)
        {
            var length = whole.shape[dim];
            sizes ??= Shards.Sizes(length, group.Size);
            return sizes.Count == group.Size && sizes.Sum() == length
                ? sizes
                : throw new ArgumentException(
                    $"axis {group.Axis}: dimension {dim} of [{string.Join(", ", whole.shape)}] is not cut into "
                    + $"[{string.Join(", ", sizes)}]; {group.Size} lengths that sum to {length} are needed.");
        }
    }
}
