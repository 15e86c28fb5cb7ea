// The result of a collective that goes on while its caller computes.
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>
/// A tensor that is under way. Until <see cref="Wait"/> has returned nobody changes the tensor that the operation was given
/// (disposing it is fine). Every one is waited for, once.
/// </summary>
public abstract class PendingTensor
{
    /// <summary>Whether the result is there.</summary>
    public abstract bool IsDone { get; }

    /// <summary>Waits for the result, which belongs to the caller's scope.</summary>
    public abstract Tensor Wait();

    /// <summary>A result that is there already.</summary>
    public static PendingTensor Of(Tensor result) => new There(result);

    // The scope that was open when it began may end before it is waited for.
    private sealed class There(Tensor result) : PendingTensor
    {
        private readonly Tensor result = result.DetachFromDisposeScope();

        public override bool IsDone => true;

        public override Tensor Wait() => result.MoveToOtherDisposeScope(CurrentDisposeScope);
    }
}
