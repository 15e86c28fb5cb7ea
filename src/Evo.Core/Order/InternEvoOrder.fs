namespace Evo.Core

open System

/// The order in which InternEvo reads rows: `RandomState(seed)` shuffles all of them for each epoch, drawing on where the
/// last epoch stopped; an epoch ends where no whole step is left. Any position is found by shuffling as many times as
/// epochs have passed, and one shuffle is held in memory.
[<Sealed>]
type InternEvoOrder(seed: uint32, rows: int, rowsPerStep: int, rampUpRows: int64) =
    inherit RowOrder()

    // Rows of the first epoch, in which a ramp-up lies, and of the later ones.
    let first =
        rampUpRows + (int64 rows - rampUpRows) / int64 rowsPerStep * int64 rowsPerStep

    let later = int64 rows / int64 rowsPerStep * int64 rowsPerStep

    do
        if rampUpRows > int64 rows || first < 1L || later < 1L then
            raise (
                ArgumentException
                    $"{rows} rows are less than the {max rampUpRows (int64 rowsPerStep)} of one step or of the ramp-up"
            )

    let mutable random = RandomState seed
    let mutable epoch = -1L
    let mutable shuffled: int array = [||]

    let shuffleFor wanted =
        if wanted < epoch then
            random <- RandomState seed
            epoch <- -1L

        while epoch < wanted do
            shuffled <- random.Permutation rows
            epoch <- epoch + 1L

    override _.RowAt(position: int64) =
        let wanted, inEpoch =
            if position < first then
                0L, position
            else
                1L + (position - first) / later, (position - first) % later

        shuffleFor wanted
        int64 shuffled[int inEpoch]

    /// Neighbours in the order go to different ranks.
    override _.Place(rank, ranks, microBatch, _) = microBatch * ranks + rank
