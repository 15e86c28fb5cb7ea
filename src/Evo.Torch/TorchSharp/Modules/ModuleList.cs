using System.Collections;

namespace TorchSharp.Modules;

/// <summary>A list of modules, registered under their positions "0", "1", …</summary>
public class ModuleList<T> : torch.nn.Module, IList<T> where T : torch.nn.Module
{
    private readonly List<T> _list = [];

    /// <summary>Makes the list.</summary>
    public ModuleList(params T[] modules) : base("ModuleList") => extend(modules);

    /// <summary>The module at a position.</summary>
    public T this[int index]
    {
        get => _list[index];
        set
        {
            _list[index] = value;
            Renumber();
        }
    }

    /// <summary>How many modules there are.</summary>
    public int Count => _list.Count;

    /// <summary>Always false.</summary>
    public bool IsReadOnly => false;

    /// <summary>Adds one module at the end.</summary>
    public void Add(T item)
    {
        _list.Add(item);
        Renumber();
    }

    /// <summary>Adds modules at the end.</summary>
    public void append(params T[] parameters) => extend(parameters);

    /// <summary>Adds modules at the end.</summary>
    public void extend(IEnumerable<T> modules)
    {
        _list.AddRange(modules);
        Renumber();
    }

    /// <summary>Removes all modules from the list, and does not free them.</summary>
    public void Clear()
    {
        _list.Clear();
        Renumber();
    }

    /// <summary>Whether the module is in the list.</summary>
    public bool Contains(T item) => _list.Contains(item);

    /// <summary>Copies the list into an array.</summary>
    public void CopyTo(T[] array, int arrayIndex) => _list.CopyTo(array, arrayIndex);

    /// <summary>The modules in order.</summary>
    public IEnumerator<T> GetEnumerator() => _list.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The position of a module, or -1.</summary>
    public int IndexOf(T item) => _list.IndexOf(item);

    /// <summary>Puts a module at a position; those behind move up by one.</summary>
    public void Insert(int index, T item)
    {
        _list.Insert(index, item);
        Renumber();
    }

    /// <summary>Removes a module; says whether it was there.</summary>
    public bool Remove(T item)
    {
        var removed = _list.Remove(item);
        Renumber();
        return removed;
    }

    /// <summary>Removes the module at a position.</summary>
    public void RemoveAt(int index)
    {
        _list.RemoveAt(index);
        Renumber();
    }

    /// <summary>Nothing is left to register: the list registers its modules as they come.</summary>
    protected override void RegisterComponents() { }

    private void Renumber()
    {
        ClearModules();
        for (var i = 0; i < _list.Count; i++) register_module(i.ToString(), _list[i]);
    }
}
