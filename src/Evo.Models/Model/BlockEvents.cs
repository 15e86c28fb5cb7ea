namespace Evo.Models;

/// <summary>
/// Is told when a block's weights are about to be read and when that is over: what gathers weights late, frees them early and
/// sends gradients as soon as they are whole derives from this. Blocks are numbered as <see cref="CausalLMModule.BlockCount"/>
/// says. All calls come from the thread that runs the module, those of the backward pass from autograd's.
/// </summary>
public abstract class BlockEvents
{
    /// <summary>The block's weights are read from here on.</summary>
    public virtual void BeforeForward(int block)
    {
    }

    /// <summary>The forward reads them no more.</summary>
    public virtual void AfterForward(int block)
    {
    }

    /// <summary>The backward, and a forward that is computed again, read them from here on.</summary>
    public virtual void BeforeBackward(int block)
    {
    }

    /// <summary>
    /// The backward reads them no more, and their gradients are whole. A block whose input nobody differentiates, as that of the
    /// token ids, is not told: it has ended when <c>backward()</c> returns.
    /// </summary>
    public virtual void AfterBackward(int block)
    {
    }
}
