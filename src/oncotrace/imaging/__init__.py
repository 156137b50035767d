"""Operations on grids of voxels; nothing here knows a file or a tumour."""
