using System.Diagnostics.CodeAnalysis;

namespace TorchSharp.Modules;

/// <summary>Modules by name, in the order in which they were added.</summary>
public class ModuleDict<T> : torch.nn.Module where T : torch.nn.Module
{
    private readonly OrderedDictionary<string, T> _modules = [];

    /// <summary>Makes an empty dictionary.</summary>
    public ModuleDict() : base("ModuleDict") { }

    /// <summary>The module of a name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public T this[string key]
    {
        get => _modules[key];
        set
        {
            _modules[key] = value;
            Register();
        }
    }

    /// <summary>The name and module at a position.</summary>
    public (string, T) this[int index] => (_modules.GetAt(index).Key, _modules.GetAt(index).Value);

    /// <summary>How many modules there are.</summary>
    public int Count => _modules.Count;

    /// <summary>The names in order.</summary>
    public ICollection<string> Keys => _modules.Keys;

    /// <summary>The modules in order.</summary>
    public ICollection<T> Values => _modules.Values;

    /// <summary>Adds a module under a new name.</summary>
    public void Add(string key, T value)
    {
        _modules.Add(key, value);
        Register();
    }

    /// <summary>Adds a module under a new name.</summary>
    public void Add((string, T) item) => Add(item.Item1, item.Item2);

    /// <summary>Removes all modules from the dictionary, and does not free them.</summary>
    public void clear()
    {
        _modules.Clear();
        Register();
    }

    /// <summary>Whether there is a module of this name.</summary>
    public bool ContainsKey(string key) => _modules.ContainsKey(key);

    /// <summary>Names and modules in order.</summary>
    public IEnumerator<(string, T)> items() => _modules.Select(m => (m.Key, m.Value)).GetEnumerator();

    /// <summary>The names in order.</summary>
    public IEnumerable<string> keys() => _modules.Keys;

    /// <summary>The modules in order.</summary>
    public IEnumerable<T> values() => _modules.Values;

    /// <summary>Removes the module of a name; says whether there was one.</summary>
    public bool Remove(string key)
    {
        var removed = _modules.Remove(key);
        Register();
        return removed;
    }

    /// <summary>Finds the module of a name.</summary>
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out T value) => _modules.TryGetValue(key, out value);

    /// <summary>Nothing is left to register: the dictionary registers its modules as they come.</summary>
    protected override void RegisterComponents() { }

    private void Register()
    {
        ClearModules();
        foreach (var (key, module) in _modules) register_module(key, module);
    }
}
