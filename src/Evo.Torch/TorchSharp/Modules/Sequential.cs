using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>Modules that run one after another, each on the result of the one before.</summary>
public class Sequential : nn.Module<Tensor, Tensor>
{
    /// <summary>Makes a sequence under the positions "0", "1", …</summary>
    protected internal Sequential(params nn.Module<Tensor, Tensor>[] modules) : base("Sequential")
    {
        foreach (var module in modules) append(module);
    }

    /// <summary>Makes a sequence under the given names.</summary>
    protected internal Sequential(params (string name, nn.Module<Tensor, Tensor> submodule)[] modules) : base("Sequential")
    {
        foreach (var (key, module) in modules) append(key, module);
    }

    /// <summary>How many modules there are.</summary>
    public int Count => _internal_submodules.Count;

    /// <summary>The module at a position.</summary>
    public nn.IModule<Tensor, Tensor> this[int index] => (nn.IModule<Tensor, Tensor>)_internal_submodules.GetAt(index).Value;

    /// <summary>A sequence of the same modules from start up to, not including, end.</summary>
    public Sequential this[(int? start, int? end) index] => Part(index.start ?? 0, index.end ?? Count);

    /// <summary>A sequence of the same modules of a range.</summary>
    public Sequential this[Range index] => Part(index.Start.GetOffset(Count), index.End.GetOffset(Count));

    /// <summary>Adds a module at the end under a name.</summary>
    public Sequential append(string name, nn.IModule<Tensor, Tensor> module)
    {
        register_module(name, (nn.Module)module);
        return this;
    }

    /// <summary>Adds a module at the end under its position.</summary>
    public Sequential append(nn.IModule<Tensor, Tensor> module) => append(Count.ToString(), module);

    /// <summary>Runs the modules in order, and frees what stands between two of them (backward keeps what it needs).</summary>
    public override Tensor forward(Tensor tensor)
    {
        var value = tensor;
        foreach (var (_, module) in _internal_submodules)
        {
            var next = ((nn.IModule<Tensor, Tensor>)module).call(value);
            if (!ReferenceEquals(value, tensor) && !ReferenceEquals(value, next)) value.Dispose();
            value = next;
        }
        return ReferenceEquals(value, tensor) ? value.alias() : value;
    }

    private Sequential Part(int start, int end)
    {
        var part = new Sequential(Array.Empty<nn.Module<Tensor, Tensor>>());
        foreach (var (key, module) in _internal_submodules.Skip(start).Take(end - start)) part.append(key, (nn.IModule<Tensor, Tensor>)module);
        return part;
    }
}
