namespace Evo.Models;

/// <summary>How one model runs on several devices. InternEvo's names; docs/modes.md shows what each sends.</summary>
public enum ParallelMode
{
    /// <summary>One device.</summary>
    Serial,
    /// <summary>Features are spread over the tensor axis; the residual stream is whole on each rank (Megatron-LM's tensor parallel).</summary>
    Mtp,
    /// <summary>As mtp, and between the maps the tokens are spread over the same ranks (Megatron-LM's sequence parallel).</summary>
    Msp,
    /// <summary>As msp; gathered tokens are not kept for the backward pass but gathered again.</summary>
    Fsp,
    /// <summary>Tokens are spread over the tensor axis throughout, weights over the weight axis and gathered for use (Intern sequence parallel).</summary>
    Isp,
}
