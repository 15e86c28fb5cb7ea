// The stack of open scopes of each thread, and what it counted.
namespace TorchSharp;

/// <summary>Knows the open scopes of the calling thread.</summary>
public class DisposeScopeManager
{
    [ThreadStatic]
    private static DisposeScopeManager? singleton;

    private readonly List<DisposeScope> open = [];
    private readonly ThreadDisposeScopeStatistics statistics = new();

    /// <summary>What the scopes of the calling thread have seen.</summary>
    public static ThreadDisposeScopeStatistics Statistics => ThreadSingleton.statistics;

    internal static DisposeScopeManager ThreadSingleton => singleton ??= new();

    internal DisposeScope? Innermost => open.Count == 0 ? null : open[^1];

    internal DisposeScope Open()
    {
        var scope = new DisposeScope(this, Innermost);
        open.Add(scope);
        return scope;
    }

    internal void Close(DisposeScope scope) => open.Remove(scope);

    /// <summary>Gives a new tensor to the innermost scope; null when none is open.</summary>
    internal DisposeScope? Register(torch.Tensor tensor)
    {
        var counts = statistics.TensorStatistics;
        if (open.Count == 0)
        {
            counts.CreatedOutsideScopeCount++;
            return null;
        }

        counts.CreatedInScopeCount++;
        var scope = open[^1];
        scope.Add(tensor);
        return scope;
    }
}

/// <summary>Counts of things made and freed in one thread.</summary>
public class LifetimeStatistics
{
    /// <summary>Made while no scope was open.</summary>
    public long CreatedOutsideScopeCount { get; internal set; }

    /// <summary>Disposed while no scope owned them.</summary>
    public long DisposedOutsideScopeCount { get; internal set; }

    /// <summary>Made while a scope was open.</summary>
    public long CreatedInScopeCount { get; internal set; }

    /// <summary>Disposed while a scope owned them, by it or by hand.</summary>
    public long DisposedInScopeCount { get; internal set; }

    /// <summary>Given to a scope after they had none.</summary>
    public long AttachedToScopeCount { get; internal set; }

    /// <summary>Taken out of a scope.</summary>
    public long DetachedFromScopeCount { get; internal set; }

    /// <summary>Made less disposed.</summary>
    public long ThreadTotalLiveCount =>
        CreatedInScopeCount + CreatedOutsideScopeCount - DisposedInScopeCount - DisposedOutsideScopeCount;

    /// <summary>Sets all counts to zero.</summary>
    public void Reset() => CreatedOutsideScopeCount = DisposedOutsideScopeCount = CreatedInScopeCount =
        DisposedInScopeCount = AttachedToScopeCount = DetachedFromScopeCount = 0;

    public override string ToString() =>
        $"ThreadTotalLiveCount: {ThreadTotalLiveCount}; CreatedOutsideScopeCount: {CreatedOutsideScopeCount}; "
        + $"DisposedOutsideScopeCount: {DisposedOutsideScopeCount}; CreatedInScopeCount: {CreatedInScopeCount}; "
        + $"DisposedInScopeCount: {DisposedInScopeCount}; AttachedToScopeCount: {AttachedToScopeCount}; "
        + $"DetachedFromScopeCount: {DetachedFromScopeCount}";
}

/// <summary>The counts of one thread: of tensors, of other things, and their sums.</summary>
public class ThreadDisposeScopeStatistics
{
    /// <summary>Counts of tensors.</summary>
    public LifetimeStatistics TensorStatistics { get; } = new();

    /// <summary>Counts of everything else that was attached to a scope.</summary>
    public LifetimeStatistics PackedSequenceStatistics { get; } = new();

    public long CreatedOutsideScopeCount => Sum(s => s.CreatedOutsideScopeCount);

    public long DisposedOutsideScopeCount => Sum(s => s.DisposedOutsideScopeCount);

    public long CreatedInScopeCount => Sum(s => s.CreatedInScopeCount);

    public long DisposedInScopeCount => Sum(s => s.DisposedInScopeCount);

    public long AttachedToScopeCount => Sum(s => s.AttachedToScopeCount);

    public long DetachedFromScopeCount => Sum(s => s.DetachedFromScopeCount);

    public long ThreadTotalLiveCount => Sum(s => s.ThreadTotalLiveCount);

    /// <summary>Sets all counts to zero.</summary>
    public void Reset()
    {
        TensorStatistics.Reset();
        PackedSequenceStatistics.Reset();
    }

    public override string ToString() => $"Tensors: {TensorStatistics}";

    internal LifetimeStatistics Of(IDisposable disposable) =>
        disposable is torch.Tensor ? TensorStatistics : PackedSequenceStatistics;

    private long Sum(Func<LifetimeStatistics, long> count) => count(TensorStatistics) + count(PackedSequenceStatistics);
}

public static partial class torch
{
    /// <summary>The innermost open scope of this thread, or null.</summary>
    public static DisposeScope? CurrentDisposeScope => DisposeScopeManager.ThreadSingleton.Innermost;

    /// <summary>Opens a scope in this thread.</summary>
    public static DisposeScope NewDisposeScope() => DisposeScopeManager.ThreadSingleton.Open();

    /// <summary>Runs a function in a scope of its own; its result goes to the scope outside.</summary>
    public static Tensor WrappedTensorDisposeScope(Func<Tensor> expr)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(expr());
    }
}
