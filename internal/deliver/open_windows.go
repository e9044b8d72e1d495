package deliver

const openNoBlock = 0
