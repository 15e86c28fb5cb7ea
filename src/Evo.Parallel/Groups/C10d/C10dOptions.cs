using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>What moves tensors between processes.</summary>
public enum RankEngine
{
    /// <summary>Gloo: tensors of processors, over TCP.</summary>
    Gloo,

    /// <summary>NCCL: tensors of GPUs.</summary>
    Nccl,
}

/// <summary>How the processes of a run are joined.</summary>
public sealed record C10dOptions
{
    /// <summary>What moves tensors.</summary>
    public RankEngine Engine { get; init; } = RankEngine.Gloo;

    /// <summary>Where this rank's tensors are; null: the processor, or with NCCL the current GPU.</summary>
    public Device? Device { get; init; }

    /// <summary>The network interface that Gloo uses, "eth0"; null: that of <see cref="Address"/>.</summary>
    public string? NetworkInterface { get; init; }

    /// <summary>An address of this host that the others reach; null: what the host's name stands for.</summary>
    public string? Address { get; init; }

    /// <summary>The rank that serves the store of the run; null: none of them does.</summary>
    public int? StoreRank { get; init; }

    /// <summary>The longest wait in one collective: a rank that has not come by then hangs.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a rank may give no sign of life.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(7);

    /// <summary>How long a rank that computes may go on after a fault became known, before its process is ended.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>
    /// What ends this process when a fault is known and the rank has not ended by itself within <see cref="Grace"/>; it is given
    /// the message. Null: nothing does.
    /// </summary>
    public Action<string>? EndProcess { get; init; }

    /// <summary>Where this rank's tensors are.</summary>
    internal Device Place => Device ?? (Engine == RankEngine.Nccl ? CUDA : CPU);
}
