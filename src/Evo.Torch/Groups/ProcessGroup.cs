// The port behind which ranks talk to one another: threads of one process, processes on CPUs, or processes on GPUs.
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>How the tensors of several ranks become one.</summary>
public enum ReduceOperation
{
    /// <summary>Their sum.</summary>
    Sum,

    /// <summary>Their sum divided by the number of ranks; floating types only.</summary>
    Average,

    /// <summary>The largest, element by element.</summary>
    Max,

    /// <summary>The smallest, element by element.</summary>
    Min,
}

/// <summary>The place in emitted code that a collective belongs to; messages, recorders and mutants know it by this.</summary>
/// <param name="Number">The number that the compiler gave to the place.</param>
/// <param name="Backward">Whether it is the collective of the backward there.</param>
public readonly record struct Site(int Number, bool Backward)
{
    public override string ToString() => $"site {Number} {(Backward ? "backward" : "forward")}";
}

/// <summary>
/// The ranks along one axis of the mesh, as one of them sees them. All operations are collective, and synchronous but for the four that are begun: every
/// rank of the group calls the same ones in the same order, and returns when its own result is there.
/// </summary>
/// <remarks>
/// An operation never changes its input. Its result is a new tensor, without history, that belongs to the caller; in a
/// group of one it may share the input's memory, so that nobody writes into a result. Sums have the order of the ranks
/// (rank 0 + rank 1 + …; bfloat16 and float16 are added in float32 and rounded once): the same bits on every run and on every rank.
/// </remarks>
public abstract class ProcessGroup
{
    /// <param name="axis">Name of the mesh axis: "tensor".</param>
    /// <param name="rank">This rank's place in <paramref name="ranks"/>.</param>
    /// <param name="ranks">Global ranks in the order of the group, each once.</param>
    protected ProcessGroup(string axis, int rank, IReadOnlyList<int> ranks)
    {
        ArgumentException.ThrowIfNullOrEmpty(axis);
        if (ranks.Count == 0 || ranks.Distinct().Count() != ranks.Count || rank < 0 || rank >= ranks.Count)
            throw new ArgumentException(
                $"a group of axis {axis} needs distinct ranks and a place among them; found place {rank} in [{string.Join(", ", ranks)}].");
        (Axis, Rank, Ranks) = (axis, rank, [.. ranks]);
    }

    /// <summary>Name of the mesh axis.</summary>
    public string Axis { get; }

    /// <summary>This rank's place in the group, from 0.</summary>
    public int Rank { get; }

    /// <summary>How many ranks the group has.</summary>
    public int Size => Ranks.Count;

    /// <summary>The global ranks, in the order of the group.</summary>
    public IReadOnlyList<int> Ranks { get; }

    /// <summary>All tensors, of one shape, become one.</summary>
    public abstract Tensor AllReduce(Tensor x, ReduceOperation operation, Site site);

    /// <summary>The shards of all ranks one after the other along a dimension; shards may be uneven there.</summary>
    public abstract Tensor AllGather(Tensor x, int dim, Site site);

    /// <summary>The tensors become one, of which each rank gets its part along a dimension.</summary>
    /// <param name="x">The same shape on all ranks.</param>
    /// <param name="dim">The dimension that is cut.</param>
    /// <param name="sizes">The length of each rank's part; the same list on all ranks.</param>
    /// <param name="operation">How they become one.</param>
    /// <param name="site">The place.</param>
    public abstract Tensor ReduceScatter(Tensor x, int dim, IReadOnlyList<long> sizes, ReduceOperation operation, Site site);

    /// <summary>As the other, with the parts that <see cref="Shards.Sizes"/> gives: even ones where the length divides.</summary>
    public Tensor ReduceScatter(Tensor x, int dim, ReduceOperation operation, Site site) =>
        ReduceScatter(x, dim, Shards.Sizes(x.shape[Dim(x, dim)], Size), operation, site);

    /// <summary>
    /// Each rank cuts its tensor along <paramref name="splitDim"/> (as <see cref="Shards.Sizes"/> does), sends part i to
    /// rank i, and puts what it receives one after the other along <paramref name="concatDim"/>, where tensors may be uneven.
    /// </summary>
    public abstract Tensor AllToAll(Tensor x, int splitDim, int concatDim, Site site);

    /// <summary>The first <c>sendRows[0]</c> rows go to rank 0, the next to rank 1 …; what is received stands in the order of ranks.</summary>
    /// <param name="x">Its rows are those that are sent: dimension 0 has the sum of <paramref name="sendRows"/>.</param>
    /// <param name="sendRows">Rows for each rank.</param>
    /// <param name="receiveRows">Rows from each rank: what that rank sends here.</param>
    /// <param name="site">The place.</param>
    public abstract Tensor AllToAllRows(Tensor x, IReadOnlyList<long> sendRows, IReadOnlyList<long> receiveRows, Site site);

    /// <summary>The tensor of one rank. On the others, <paramref name="x"/> says shape and type only.</summary>
    public abstract Tensor Broadcast(Tensor x, int root, Site site);

    /// <summary>Hands a copy over to another rank of the group; does not wait until it is received.</summary>
    public abstract void Send(Tensor x, int to, Site site);

    /// <summary>Waits for what another rank of the group sends; messages between two ranks arrive in order.</summary>
    public abstract Tensor Receive(long[] shape, ScalarType dtype, int from, Site site);

    /// <summary>Waits for all ranks.</summary>
    public abstract void Barrier(Site site);

    /// <summary><see cref="AllReduce"/>, begun: it may go on while the caller computes.</summary>
    /// <remarks>
    /// Operations that are begun have an order of their own: all ranks begin the same ones in the same order, wherever the
    /// synchronous ones stand between them. A group that cannot do both at once does them at once, when they are begun.
    /// </remarks>
    public virtual PendingTensor StartAllReduce(Tensor x, ReduceOperation operation, Site site) =>
        PendingTensor.Of(AllReduce(x, operation, site));

    /// <summary><see cref="AllGather"/>, begun; see <see cref="StartAllReduce"/>.</summary>
    public virtual PendingTensor StartAllGather(Tensor x, int dim, Site site) => PendingTensor.Of(AllGather(x, dim, site));

    /// <summary><see cref="ReduceScatter(Tensor, int, IReadOnlyList{long}, ReduceOperation, Site)"/>, begun; see <see cref="StartAllReduce"/>.</summary>
    public virtual PendingTensor StartReduceScatter(
        Tensor x, int dim, IReadOnlyList<long> sizes, ReduceOperation operation, Site site) =>
        PendingTensor.Of(ReduceScatter(x, dim, sizes, operation, site));

    /// <summary><see cref="Broadcast"/>, begun; see <see cref="StartAllReduce"/>.</summary>
    public virtual PendingTensor StartBroadcast(Tensor x, int root, Site site) => PendingTensor.Of(Broadcast(x, root, site));

    /// <summary>A dimension counted from the front.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The tensor has no such dimension.</exception>
    public static int Dim(Tensor x, int dim)
    {
        var count = (int)x.dim();
        var front = dim < 0 ? dim + count : dim;
        return front >= 0 && front < count
            ? front
            : throw new ArgumentOutOfRangeException(nameof(dim), $"dimension {dim} of a tensor with {count}");
    }
}
