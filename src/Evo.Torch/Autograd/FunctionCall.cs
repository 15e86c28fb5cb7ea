// One call of a .NET autograd function: what the native node holds on to.
using TorchSharp;

namespace Evo.Torch.Native;

/// <summary>Lives as long as the native node of the call.</summary>
internal abstract class FunctionCall
{
    public abstract string Name { get; }

    /// <summary>Gives the outputs' handles to the native side.</summary>
    public abstract int Forward(nint context, Span<nint> outputs);

    /// <summary>Takes the gradients' handles, writes one handle or null for each tensor among the inputs.</summary>
    public abstract void Backward(nint context, ReadOnlySpan<nint> gradients, Span<nint> results);
}

internal sealed class FunctionCall<T> : FunctionCall
    where T : torch.autograd.Function<T>, new()
{
    private readonly T function;
    private readonly torch.autograd.AutogradContext state = new();
    private readonly bool[] isTensor;
    private object?[]? arguments;
    private List<torch.Tensor> made = [];

    public FunctionCall(T function, object?[] arguments)
    {
        this.function = function;
        this.arguments = arguments;
        isTensor = Array.ConvertAll(arguments, a => a is torch.Tensor);
    }

    public override string Name => function.Name;

    /// <summary>
    /// The outputs as the caller gets them: forward's own tensor objects where libtorch put the history into them.
    /// Lets go of the arguments: backward has what it saved.
    /// </summary>
    public List<torch.Tensor> TakeOutputs(ReadOnlySpan<nint> handles)
    {
        var outputs = new List<torch.Tensor>(handles.Length);
        for (var k = 0; k < handles.Length; k++)
        {
            var own = made[k];
            if (own.Handle == handles[k] && !arguments!.Contains(own) && !outputs.Contains(own))
            {
                NativeMethods.evo_tensor_free(handles[k]);
                outputs.Add(own);
            }
            else
            {
                outputs.Add(new(handles[k]));
            }
        }

        arguments = null;
        made = [];
        return outputs;
    }

    public override int Forward(nint context, Span<nint> outputs)
    {
        using var open = state.Open(context);
        var results = function.RunForward(state, arguments!);
        if (results.Count > outputs.Length)
        {
            throw new InvalidOperationException($"{Name}: {results.Count} outputs, at most {outputs.Length} are possible");
        }

        for (var k = 0; k < results.Count; k++)
        {
            outputs[k] = NativeMethods.evo_tensor_share(results[k].Handle);
        }

        made = results;
        return results.Count;
    }

    public override void Backward(nint context, ReadOnlySpan<nint> gradients, Span<nint> results)
    {
        // What backward makes goes when it is done, but for what it gives.
        using var scope = torch.NewDisposeScope();
        using var open = state.Open(context);
        var given = new List<torch.Tensor>(gradients.Length);
        foreach (var handle in gradients)
        {
            given.Add(handle == 0 ? null! : new torch.Tensor(handle));
        }

        var found = function.RunBackward(state, given);
        var perArgument = found.Count == isTensor.Length;
        if (!perArgument && found.Count != results.Length)
        {
            throw new InvalidOperationException(
                $"{Name}: backward gave {found.Count} gradients; forward had {isTensor.Length} arguments, {results.Length} of them tensors");
        }

        var next = 0;
        for (var k = 0; k < found.Count; k++)
        {
            if (perArgument && !isTensor[k])
            {
                if (found[k] is not null)
                {
                    throw new InvalidOperationException($"{Name}: a gradient for argument {k}, which is not a tensor");
                }

                continue;
            }

            results[next++] = found[k] is { } gradient ? NativeMethods.evo_tensor_share(gradient.Handle) : 0;
        }

        GC.KeepAlive(found);
    }
}
