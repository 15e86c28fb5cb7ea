namespace Evo.Parallel;

/// <summary>What the auxiliary losses of routers are multiplied by before they are added to the loss.</summary>
/// <param name="Balance"><c>loss.moe_loss_coeff</c>.</param>
/// <param name="Z"><c>loss.moe_z_loss_coeff</c>.</param>
public readonly record struct RouterCoefficients(double Balance, double Z = 0)
{
    /// <summary>Whether neither counts.</summary>
    public bool None => Balance == 0 && Z == 0;
}
