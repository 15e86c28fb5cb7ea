using System.Collections;

namespace TorchSharp.Modules;

/// <summary>A list of parameters, registered under their positions "0", "1", …</summary>
public class ParameterList : torch.nn.Module, IList<Parameter>
{
    private readonly List<Parameter> _list = [];

    /// <summary>Makes the list.</summary>
    public ParameterList(params Parameter[] parameters) : base("ParameterList") => extend(parameters);

    /// <summary>The parameter at a position.</summary>
    public Parameter this[int index]
    {
        get => _list[index];
        set
        {
            _list[index] = value;
            Renumber();
        }
    }

    /// <summary>How many parameters there are.</summary>
    public int Count => _list.Count;

    /// <summary>Always false.</summary>
    public bool IsReadOnly => false;

    /// <summary>Adds one parameter at the end.</summary>
    public void Add(Parameter item)
    {
        _list.Add(item);
        Renumber();
    }

    /// <summary>Adds parameters at the end.</summary>
    public void append(params Parameter[] parameters) => extend(parameters);

    /// <summary>Adds parameters at the end.</summary>
    public void extend(IEnumerable<Parameter> parameters)
    {
        _list.AddRange(parameters);
        Renumber();
    }

    /// <summary>Removes all parameters from the list, and does not free them.</summary>
    public void Clear()
    {
        _list.Clear();
        Renumber();
    }

    /// <summary>Whether this parameter, by identity, is in the list.</summary>
    public bool Contains(Parameter item) => IndexOf(item) >= 0;

    /// <summary>Copies the list into an array.</summary>
    public void CopyTo(Parameter[] array, int arrayIndex) => _list.CopyTo(array, arrayIndex);

    /// <summary>The parameters in order.</summary>
    public IEnumerator<Parameter> GetEnumerator() => _list.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The position of this parameter, by identity, or -1.</summary>
    public int IndexOf(Parameter item) => _list.FindIndex(p => ReferenceEquals(p, item));

    /// <summary>Puts a parameter at a position; those behind move up by one.</summary>
    public void Insert(int index, Parameter item)
    {
        _list.Insert(index, item);
        Renumber();
    }

    /// <summary>Removes a parameter; says whether it was there.</summary>
    public bool Remove(Parameter item)
    {
        var at = IndexOf(item);
        if (at >= 0) RemoveAt(at);
        return at >= 0;
    }

    /// <summary>Removes the parameter at a position.</summary>
    public void RemoveAt(int index)
    {
        _list.RemoveAt(index);
        Renumber();
    }

    /// <summary>Nothing is left to register: the list registers its parameters as they come.</summary>
    protected override void RegisterComponents() { }

    private void Renumber()
    {
        _internal_params.Clear();
        for (var i = 0; i < _list.Count; i++) register_parameter(i.ToString(), _list[i]);
    }
}
