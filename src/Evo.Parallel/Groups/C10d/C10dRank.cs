using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// One rank that is a process, joined to the others by c10d, and watched over: a rank that dies, hangs, throws or leaves ends all
/// others with one message (docs/launch.md).
/// </summary>
public sealed class C10dRank : RankWorld
{
    private readonly Func<C10dStore> connect;
    private readonly C10dOptions options;
    private readonly FlightRecord record = new();
    private readonly RankWatch watch;
    private readonly Dictionary<string, ProcessGroup> groups = new(StringComparer.Ordinal);
    private readonly List<C10dGroup> made = [];
    private readonly C10dStore? served;

    /// <param name="rank">The global rank.</param>
    /// <param name="size">Ranks in the world.</param>
    /// <param name="connect">A new connection to the store of the run: each group waits on one of its own.</param>
    /// <param name="options">How they are joined.</param>
    /// <param name="served">The store, where this process serves it: it stays until all ranks have left.</param>
    public C10dRank(int rank, int size, Func<C10dStore> connect, C10dOptions options, C10dStore? served = null)
        : base(rank, size)
    {
        (this.connect, this.options, this.served) = (connect, options, served);
        watch = new(rank, size, connect(), record, options);
    }

    public override Device? Device => options.Place;

    public override FlightRecord? Flight => record;

    public override string? FlightFolder
    {
        get => watch.Folder;
        set => watch.Folder = value;
    }

    public override void AtStep(long step) => watch.AtStep(step);

    public override void Failed(Exception exception) => watch.Failed(exception);

    /// <summary>The exception with which this rank ends when the run has failed; null while it goes well.</summary>
    public RankFaultException? Fault => watch.HasFault ? watch.Ending(record.Place) : null;

    public override void Dispose()
    {
        // Others may wait for this rank: they learn that it has left before its connections close.
        watch.Dispose();
        made.ForEach(group => group.Close(watch.HasFault));
        if (served is not null)
        {
            WaitForOthers(served);
        }

        served?.Dispose();
        base.Dispose();
    }

    protected override ProcessGroup Make(string axis, int place, IReadOnlyList<int> ranks)
    {
        var name = $"{axis}/{string.Join(",", ranks)}";
        if (groups.TryGetValue(name, out var found))
        {
            return found;
        }

        var group = new C10dGroup(axis, place, ranks, Connect, watch, options);
        made.Add(group);
        return groups[name] = new RecordedGroup(group, record);

        C10dEngine Connect(string line, bool onDevice)
        {
            var store = connect().Under($"{name}/{line}");
            return onDevice
                ? C10dEngine.Nccl(store, place, ranks.Count, options.Timeout)
                // Collectives are ended by who waits for them; Gloo's own limit, which names nobody, comes later.
                : C10dEngine.Gloo(
                    store, place, ranks.Count, options.NetworkInterface, options.Address, options.Timeout + TimeSpan.FromSeconds(5));
        }
    }

    // Who serves the store stays until the last has left, or after a fault until all can have read it.
    private void WaitForOthers(C10dStore store)
    {
        var board = new FaultBoard(store);
        for (var waited = 0; watch.HasFault ? waited < 20 : waited < 600 && board.Gone() < Size; waited++)
        {
            Thread.Sleep(100);
        }
    }
}
