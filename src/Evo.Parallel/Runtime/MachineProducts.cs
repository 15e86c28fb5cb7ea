using System.Text;
using Evo.Core;
using Evo.Data;
using Evo.Native;
using Evo.Torch;

namespace Evo.Parallel;

/// <summary>
/// The machine's table of matrix products: measured once for a processor, a number of threads and the libraries, and kept in a
/// folder of the user's cache, with the shapes that runs have asked for. Two processes that want it at once measure it once.
/// </summary>
/// <param name="folder">Where tables are kept.</param>
/// <param name="machine">As <see cref="MatrixProducts.Machine"/>.</param>
/// <param name="measure">Measures shapes.</param>
public sealed class MachineProducts(
    string folder, string machine, Func<IReadOnlyList<ProductShape>, IReadOnlyList<ProductTiming>> measure)
{
    /// <summary>That of this machine, for this thread's number of threads: <c>$XDG_CACHE_HOME/evo/products</c>, else <c>~/.cache/evo/products</c>.</summary>
    public static MachineProducts Here => new(UserCache.Folder("products"), MatrixProducts.Machine, MatrixProducts.Measure);

    /// <summary>The file of the table.</summary>
    public string File { get; } = Path.Combine(folder, $"{Name(machine)}.txt");

    /// <summary>
    /// The table, with these shapes and no others of runs; what is not there is measured now, or all where the file is damaged. Null where
    /// there is nothing to choose, or where what was measured cannot be kept: a table that is measured anew each time would change the bits
    /// of a run from one start to the next.
    /// </summary>
    /// <param name="shapes">Those that a run has.</param>
    /// <param name="steady">Whether a table that was measured on a busy machine is measured once more.</param>
    public ProductTable? Take(IReadOnlyList<ProductShape> shapes, bool steady = false)
    {
        if (!MatrixProducts.HaveChoice)
        {
            return null;
        }

        if (Kept(steady) is { } kept && kept.Missing(shapes).Count == 0)
        {
            return kept.For(shapes);
        }

        try
        {
            Directory.CreateDirectory(folder);
            using var door = UserCache.Lock(File + ".lock");
            var table = Kept(steady) ?? new(machine, measure(ProductTable.Shapes), []);
            if (table.Missing(shapes) is { Count: > 0 } missing)
            {
                table = new(machine, table.Timings, [.. table.Known, .. measure(missing)]);
            }

            using var file = new AtomicFile(File);
            file.Stream.Write(Encoding.UTF8.GetBytes(table.Text));
            file.Complete();
            return table.For(shapes);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or DataException)
        {
            return null;
        }
    }

    private ProductTable? Kept(bool steady)
    {
        try
        {
            return ProductTable.TryRead(machine, System.IO.File.ReadAllText(File)) is { } kept && (kept.IsSteady || !steady) ? kept : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string Name(string machine) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(machine)))[..20];
}
