using Evo.Torch;

namespace Evo.Parallel;

/// <summary>What one rank can know of what went wrong elsewhere. Used from every thread that waits for other ranks.</summary>
internal abstract class RankFaults
{
    /// <summary>A fault has become known; waits for messages, which cannot look, are ended.</summary>
    public event Action? Raised;

    /// <summary>The fault that is known, as the exception of a rank that is in a call; null: none.</summary>
    public abstract RankFaultException? Known(GroupCall call);

    /// <summary>A connection failed in a call: finds out why, which takes some seconds where a rank died without a word.</summary>
    public abstract RankFaultException Lost(ProcessGroup group, GroupCall call, Exception failure);

    /// <summary>The others did not come within the limit: finds out who is missing.</summary>
    public abstract RankFaultException Late(ProcessGroup group, GroupCall call, TimeSpan limit);

    /// <summary>A call has lasted for some seconds: looks whether a rank that it waits for has left.</summary>
    public abstract RankFaultException? Overdue(ProcessGroup group, GroupCall call);

    protected void Raise() => Raised?.Invoke();
}
