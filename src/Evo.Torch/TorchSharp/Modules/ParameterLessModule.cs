namespace TorchSharp.Modules;

/// <summary>Base of the modules of one input that have no parameters, buffers or submodules.</summary>
public abstract class ParameterLessModule<T1, TResult> : torch.nn.Module<T1, TResult>
{
    /// <summary>Makes the module.</summary>
    protected ParameterLessModule(string name) : base(name) { }

    /// <summary>There is nothing to move.</summary>
    protected override void _toEpilog(torch.ScalarType? dtype, torch.Device? device, bool non_blocking) { }
}
