// Scopes that dispose what was made while they were open.
namespace TorchSharp;

/// <summary>
/// Owns the tensors made in its thread while it is the innermost open scope, and disposes them when it is disposed.
/// A scope belongs to the thread that opened it.
/// </summary>
public sealed class DisposeScope : IDisposable
{
    private readonly DisposeScopeManager manager;
    private readonly HashSet<IDisposable> owned = new(ReferenceEqualityComparer.Instance);
    private bool disposed;

    internal DisposeScope(DisposeScopeManager manager, DisposeScope? outer)
    {
        this.manager = manager;
        OuterScope = outer;
    }

    /// <summary>What the scope owns, as it is now.</summary>
    public IReadOnlyList<IDisposable> DisposablesView
    {
        get
        {
            lock (owned)
            {
                return [.. owned];
            }
        }
    }

    /// <summary>How many things the scope owns.</summary>
    public int DisposablesCount => owned.Count;

    internal DisposeScope? OuterScope { get; private set; }

    internal bool IsDisposed => disposed;

    public T MoveToOuter<T>(T disposable)
        where T : IDisposable => MoveToOther(OpenOuter(), disposable);

    public (T1 first, T2 second) MoveToOuter<T1, T2>(T1 first, T2 second)
        where T1 : IDisposable
        where T2 : IDisposable => (MoveToOuter(first), MoveToOuter(second));

    public (T1 first, T2 second, T3 third) MoveToOuter<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable
        where T2 : IDisposable
        where T3 : IDisposable => (MoveToOuter(first), MoveToOuter(second), MoveToOuter(third));

    public void MoveToOuter(params IDisposable[] disposables) => MoveToOuter((IEnumerable<IDisposable>)disposables);

    /// <summary>Hands things to the scope around this one; without one they are detached.</summary>
    public void MoveToOuter(IEnumerable<IDisposable> disposables) => MoveToOther(OpenOuter(), disposables);

    public T MoveToOther<T>(DisposeScope? scope, T disposable)
        where T : IDisposable
    {
        MoveOne(scope, disposable);
        return disposable;
    }

    public (T1 first, T2 second) MoveToOther<T1, T2>(DisposeScope? scope, T1 first, T2 second)
        where T1 : IDisposable
        where T2 : IDisposable => (MoveToOther(scope, first), MoveToOther(scope, second));

    public (T1 first, T2 second, T3 third) MoveToOther<T1, T2, T3>(DisposeScope? scope, T1 first, T2 second, T3 third)
        where T1 : IDisposable
        where T2 : IDisposable
        where T3 : IDisposable => (MoveToOther(scope, first), MoveToOther(scope, second), MoveToOther(scope, third));

    public void MoveToOther(DisposeScope? scope, params IDisposable[] disposables) =>
        MoveToOther(scope, (IEnumerable<IDisposable>)disposables);

    /// <summary>Hands things that this scope owns to another scope (null: to none).</summary>
    public void MoveToOther(DisposeScope? scope, IEnumerable<IDisposable> disposables)
    {
        foreach (var disposable in disposables)
        {
            MoveOne(scope, disposable);
        }
    }

    public T Detach<T>(T disposable)
        where T : IDisposable => MoveToOther(null, disposable);

    public (T1 first, T2 second) Detach<T1, T2>(T1 first, T2 second)
        where T1 : IDisposable
        where T2 : IDisposable => (Detach(first), Detach(second));

    public (T1 first, T2 second, T3 third) Detach<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable
        where T2 : IDisposable
        where T3 : IDisposable => (Detach(first), Detach(second), Detach(third));

    public void Detach(params IDisposable[] disposables) => Detach((IEnumerable<IDisposable>)disposables);

    /// <summary>Takes things out of the scope: they live until somebody disposes them or they are collected.</summary>
    public void Detach(IEnumerable<IDisposable> disposables) => MoveToOther(null, disposables);

    public void Attach(IDisposable disposable) => AttachOne(disposable);

    public void Attach(params IDisposable[] disposables) => Attach((IEnumerable<IDisposable>)disposables);

    /// <summary>Makes the scope the owner of things, whoever owned them before.</summary>
    public IReadOnlyList<IDisposable> Attach(IEnumerable<IDisposable> disposables)
    {
        var all = disposables.ToList();
        all.ForEach(AttachOne);
        return all;
    }

    /// <summary>Disposes what the scope owns; the scope stays open.</summary>
    public void DisposeEverything() => DisposeEverythingBut([]);

    public void DisposeEverythingBut(params IDisposable[] keep) => DisposeEverythingBut((IEnumerable<IDisposable>)keep);

    /// <summary>Disposes what the scope owns except for what is kept, which it goes on owning.</summary>
    public void DisposeEverythingBut(IEnumerable<IDisposable> inKeep)
    {
        var keep = new HashSet<IDisposable>(inKeep, ReferenceEqualityComparer.Instance);
        foreach (var disposable in DisposablesView)
        {
            if (!keep.Contains(disposable))
            {
                DisposeOne(disposable);
            }
        }
    }

    public T DisposeEverythingBut<T>(T keep)
        where T : IDisposable
    {
        DisposeEverythingBut((IEnumerable<IDisposable>)[keep]);
        return keep;
    }

    public (T1 first, T2 second) DisposeEverythingBut<T1, T2>(T1 first, T2 second)
        where T1 : IDisposable
        where T2 : IDisposable
    {
        DisposeEverythingBut((IEnumerable<IDisposable>)[first, second]);
        return (first, second);
    }

    public (T1 first, T2 second, T3 third) DisposeEverythingBut<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable
        where T2 : IDisposable
        where T3 : IDisposable
    {
        DisposeEverythingBut((IEnumerable<IDisposable>)[first, second, third]);
        return (first, second, third);
    }

    /// <summary>Tells the scope that somebody else disposed a thing of its.</summary>
    public void MarkAsDisposed(IDisposable disposable)
    {
        if (Remove(disposable))
        {
            DisposeScopeManager.Statistics.Of(disposable).DisposedInScopeCount++;
        }
    }

    public bool Contains(IDisposable disposable)
    {
        lock (owned)
        {
            return owned.Contains(disposable);
        }
    }

    /// <summary>Closes the scope and disposes what it owns.</summary>
    public void Dispose()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        manager.Close(this);
        foreach (var disposable in DisposablesView)
        {
            DisposeOne(disposable);
        }
    }

    internal void Add(IDisposable disposable)
    {
        lock (owned)
        {
            owned.Add(disposable);
        }
    }

    private static void SetOwner(IDisposable disposable, DisposeScope? owner)
    {
        if (disposable is torch.Tensor tensor)
        {
            tensor.OwningDisposeScope = owner;
        }
    }

    private bool Remove(IDisposable disposable)
    {
        lock (owned)
        {
            return owned.Remove(disposable);
        }
    }

    // An outer scope may have been closed before this one.
    private DisposeScope? OpenOuter()
    {
        var outer = OuterScope;
        while (outer is { disposed: true })
        {
            outer = outer.OuterScope;
        }

        return OuterScope = outer;
    }

    private void MoveOne(DisposeScope? scope, IDisposable disposable)
    {
        if (!Remove(disposable))
        {
            return;
        }

        SetOwner(disposable, scope);
        if (scope is null)
        {
            DisposeScopeManager.Statistics.Of(disposable).DetachedFromScopeCount++;
        }
        else
        {
            scope.Add(disposable);
        }
    }

    private void AttachOne(IDisposable disposable)
    {
        var statistics = DisposeScopeManager.Statistics.Of(disposable);
        if (disposable is torch.Tensor tensor)
        {
            if (ReferenceEquals(tensor.OwningDisposeScope, this))
            {
                return;
            }

            if (tensor.OwningDisposeScope is { } other)
            {
                other.MoveToOther(this, disposable);
                return;
            }

            tensor.OwningDisposeScope = this;
        }

        statistics.AttachedToScopeCount++;
        Add(disposable);
    }

    private void DisposeOne(IDisposable disposable)
    {
        Remove(disposable);
        SetOwner(disposable, null);
        DisposeScopeManager.Statistics.Of(disposable).DisposedInScopeCount++;
        if (disposable is torch.Tensor tensor)
        {
            tensor.DisposeByScope();
        }
        else
        {
            disposable.Dispose();
        }
    }
}
